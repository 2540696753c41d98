"""Runs workloads for Heliostat, the floor and other reflectors in turn. tests/bench/run calls it; --help tells what it takes."""

import argparse
import os
import signal
import sys
import traceback

from lib import lab as labs
from lib import suite

from . import chart, measure, report, workloads
from .reflectors import PEERS, FloorReflector, HeliostatReflector, JournalReflector


class Context:
    """What the workloads know of the run."""

    def __init__(self, terminal, seconds, wanted):
        self.terminal = terminal
        self.seconds = seconds
        self.wanted = wanted
        self.last = None  # the row that is being measured

    def wants(self, phase):
        return phase in self.wanted

    def progress(self, cpu, memory):
        self.terminal.progress(cpu, memory)

    def row(self, name, kind):
        self.last = {"workload": name, "reflector": kind.name}
        return self.last


def options(known):
    parser = argparse.ArgumentParser(
        prog="tests/bench/run",
        description="Measures Heliostat and other reflectors in turn. Every path of every client is checked with its "
        "attributes. Exit status 1 when Heliostat was wrong or not done in time.")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="default: all; --list names them")
    parser.add_argument("--against", default="bird,frr", metavar="NAMES",
                        help=f"of {','.join(PEERS)}, or none; default: bird,frr")
    parser.add_argument("--no-floor", action="store_true", help="without the program that only forwards the bytes")
    parser.add_argument("--journal", action="store_true", help="Heliostat with its journal on as well, in turn with the one "
                        "without: what it costs the event loop, and when all is on the disk")
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="runs of each; the median is told")
    parser.add_argument("--timeout", type=float, default=240, metavar="SECONDS", help="for one measurement; default: 240")
    parser.add_argument("--json", metavar="FILE", help="all numbers")
    parser.add_argument("--svg", metavar="FILE", help="a chart")
    parser.add_argument("--list", action="store_true", help="name the workloads, run none")
    chosen = parser.parse_args()
    for name in chosen.workloads:
        if name not in known:
            parser.error(f"found workload {name!r}, expected one of {', '.join(known)}")
    names = [] if chosen.against == "none" else [each for each in chosen.against.split(",") if each]
    for name in names:
        if name not in PEERS:
            parser.error(f"found --against {name!r}, expected {', '.join(PEERS)} or none")
    if chosen.runs < 1 or chosen.timeout <= 0:
        parser.error("found a number below 1, expected --runs from 1 and --timeout above 0")
    for path in (chosen.json, chosen.svg):
        folder = os.path.dirname(os.path.abspath(path or "."))
        if path and not os.access(folder, os.W_OK):
            parser.error(f"found no folder {folder} that can be written, expected one for {path}")
    if "warm" in chosen.workloads and not chosen.journal:
        parser.error("found workload 'warm' without --journal, expected it with --journal")
    chosen.peers = [PEERS[name] for name in dict.fromkeys(names)]
    return chosen


def preflight():
    """Are network namespaces to be had at all?"""
    if os.geteuid() != 0:
        raise measure.Refused("found that it is not run by root, expected root, for network namespaces")
    labs.sweep()
    try:
        labs.Lab().close()
    except (labs.CommandFailed, FileNotFoundError) as error:
        raise measure.Refused(f"found no network namespaces ({error}), expected a kernel and rights that allow them") from None


def interrupted(number, _frame):
    for each in suite.SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def run_one(context, workload, kind):
    """The rows of one workload and reflector; one that failed says why."""
    rows = []
    try:
        for row in workload.run(context, kind):
            rows.append(row)
    except (measure.Refused, AssertionError, OSError) as error:
        if not isinstance(error, (measure.Refused, AssertionError)):
            traceback.print_exc()
        row = context.last if context.last not in rows else context.row(workload.name, kind)
        row["wall"] = None
        row["error"] = suite.one_line(str(error) or "failed")[:600]
        rows.append(row)
    return rows


def run_workload(context, workload, kinds, runs):
    """(a row of each reflector and part, every single run)."""
    parts, every = {}, []
    for run in range(runs):
        # Whoever comes second finds another machine: they take turns at it.
        for kind in kinds if run % 2 == 0 else kinds[::-1]:
            if workload.skip_floor and kind is FloorReflector:
                continue
            context.terminal.begin(f"{workload.name}, {kind.name}" + (f", run {run + 1} of {runs}" if runs > 1 else ""))
            for row in run_one(context, workload, kind):
                every.append(row)
                parts.setdefault(row["workload"], {}).setdefault(kind.name, []).append(row)
    rows = [report.median_rows(found) for part in parts.values() for found in part.values()]
    return rows, every


def tell(terminal, rows, titles):
    report.ratios(rows)
    for name in dict.fromkeys(row["workload"] for row in rows):
        terminal.head(name, titles[name])
        for row in rows:
            if row["workload"] == name:
                terminal.write(report.row_line(row))
    for name, grown in report.growth(rows).items():
        terminal.write(f"  {name}: from {grown['from']} to {grown['to']} the CPU time grew {grown['cpu']} times, "
                       f"the bytes sent {grown['bytes']} times")


def main():
    listed = workloads.all_workloads()
    titles = {each.name: each.text for each in listed}
    for each in listed:
        titles.update(each.also)
    phases = workloads.Table.phases
    known = [*(each.name for each in listed), *phases]
    chosen = options(known)
    if chosen.list:
        print("\n".join(f"{name:12} {titles[name]}" for name in known))
        return 0
    wanted = chosen.workloads or known
    if any(phase in wanted for phase in phases):
        wanted = [*wanted, "table-10"]
    for number in suite.SIGNALS:
        signal.signal(number, interrupted)
    terminal = report.Terminal()
    context = Context(terminal, chosen.timeout, wanted)
    kinds = [HeliostatReflector, *([JournalReflector] if chosen.journal else []),
             *([] if chosen.no_floor else [FloorReflector]), *chosen.peers]
    try:
        preflight()
        for workload in listed:
            if workload.name in wanted:
                workload.require()
        for kind in kinds:
            kind.fetch()
    except (measure.Refused, AssertionError) as error:
        print(f"tests/bench/run: {error}", file=sys.stderr)
        return 2
    versions = {kind.name: kind.version() for kind in kinds}
    terminal.write(", ".join(f"{name} {version}".strip() for name, version in versions.items()))
    rows, every = [], []
    for workload in listed:
        if workload.name not in wanted:
            continue
        more, all_runs = run_workload(context, workload, kinds, chosen.runs)
        tell(terminal, more, titles)
        rows += more
        every += all_runs
        # After each, so that an interruption does not lose what was measured.
        if chosen.json:
            report.write_json(chosen.json, rows, every, versions)
        if chosen.svg:
            found = report.machine()
            note = f"{found['cores']} cores of {found['processor']}; " + \
                ", ".join(f"{name} {version}".strip() for name, version in versions.items())
            report.write_whole(chosen.svg, chart.chart(rows, titles, note))
    wrong = [row for row in rows if row["reflector"] in ("heliostat", "journal") and row.get("error")]
    for row in wrong:
        print(f"tests/bench/run: {row['workload']}: {row['reflector']}: {row['error']}", file=sys.stderr)
    return 1 if wrong else 0
