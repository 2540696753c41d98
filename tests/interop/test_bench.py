#!/usr/bin/python3
"""The benchmark in a short form: that it measures what it says, and that Heliostat is right in it. No time is judged."""

import os
import subprocess
import sys
import xml.etree.ElementTree

from lib import lab as labs
from lib import suite, wait

sys.path.insert(1, os.path.join(suite.TOP, "tests", "bench"))

from harness import chart, main, measure, report, workloads  # noqa: E402 - the path comes first
from harness.reflectors import FloorReflector, HeliostatReflector, JournalReflector  # noqa: E402
from harness.stage import Stage  # noqa: E402

SECONDS = 300  # far beyond what any part takes: only a hang meets it


class Silent:
    """No table on the terminal."""

    def progress(self, cpu, memory):
        pass


def context(*wanted):
    return main.Context(Silent(), SECONDS * wait.patience(), wanted)


def measured(t, workload, kind, wanted=()):
    """The rows of one reflector under a workload, each a case of its own."""
    rows = main.run_one(context(*wanted), workload, kind)
    for row in rows:
        with t.case(f"{row['workload']}, {kind.name}"):
            assert not row.get("error"), row["error"]
            assert row["wall"] > 0 and row["peak"] > 0, f"found wall {row['wall']} s and peak {row['peak']} MiB"
    return {row["workload"]: row for row in rows}


def short_table(**options):
    table = workloads.Table(ipv4=84_000, ipv6=16_000, **options)
    table.also = {phase: phase for phase in table.phases}
    return table


@suite.test
def hundred_nodes(t):
    """100 clients with 10 + 10 prefixes each: everybody has everything of the others."""
    workload = workloads.Nodes(100, 10)
    for kind in (HeliostatReflector, FloorReflector):
        rows = measured(t, workload, kind)
        row = rows["nodes-100"]
        with t.case(f"{kind.name}'s clients were held against all of 99 x 20 paths"):
            assert row["compared"] == 100 * 99 * 20, f"found {row['compared']}, expected {100 * 99 * 20}"
        with t.case(f"{kind.name}'s bytes and UPDATEs are counted"):
            # At least 4 bytes an IPv4 prefix of /26 in NLRI and 9 an IPv6 prefix of /64.
            assert row["bytes"] > 100 * 99 * 10 * (5 + 9) and row["updates"] >= 100 * 2, row


@suite.test
def hundred_thousand_prefixes(t):
    """A table, then a client that comes late, the table with a new MED, and the end of the feeder."""
    rows = measured(t, short_table(), HeliostatReflector, workloads.Table.phases)
    with t.case("all four parts were measured"):
        assert list(rows) == ["table-10", "late", "churn", "drop"], f"found {list(rows)}"
        compared = {name: row["compared"] for name, row in rows.items()}
        assert compared == {"table-10": 1_000_000, "late": 100_000, "churn": 1_000_000, "drop": 0}, f"found {compared}"


@suite.test
def questions_to_the_journal(t):
    rows = measured(t, workloads.History(changes=30_000, prefixes=1_000, count=30), HeliostatReflector)
    with t.case("all three kinds of questions were put"):
        assert list(rows) == ["history", "history-at", "history-table"], f"found {list(rows)}"
        assert rows["history"]["compared"] >= 30 * 10 and rows["history-table"]["compared"] > 500, rows


@suite.test
def with_the_journal(t):
    """The same with the journal on: what is durable, and what a new start has, is all of it."""
    rows = measured(t, short_table(), JournalReflector, workloads.Table.phases)
    with t.case("the warm start was measured as well"):
        assert list(rows) == ["table-10", "late", "churn", "warm", "drop"], f"found {list(rows)}"
        assert rows["warm"]["restored"] == 100_000 and rows["warm"]["compared"] == 1_000_000, f"found {rows['warm']}"
    with t.case("everything was written, and counted"):
        # Each prefix is a path and a change of its best path; again with the new MED.
        written = [rows[name]["rows"] for name in ("table-10", "churn")]
        assert written[0] >= 200_000 and written[1] >= written[0] + 200_000, f"found {written}"
        assert not any(rows[name]["history-lost"] for name in ("table-10", "churn")), f"found {rows}"
        assert all(rows[name]["durable"] > 0 and rows[name]["loop"] > 0 for name in ("table-10", "churn", "drop")), f"found {rows}"


@suite.test
def two_tables_and_a_slow_client(t):
    two = workloads.TwoTables(clients=5, ipv4=16_000, ipv6=4_000)
    measured(t, two, HeliostatReflector)
    slow = workloads.Slow(clients=20, ipv4=16_000, ipv6=4_000, seconds=5)
    row = measured(t, slow, HeliostatReflector)["slow"]
    with t.case("the table changed while the slow client did not read, and it ended right"):
        assert row["rounds"] >= 1 and row["compared"] == 20 * 20_000, row


@suite.test
def latency(t):
    row = measured(t, workloads.Latency(sizes=(20,), count=50), HeliostatReflector)["latency-20"]
    with t.case("the percentiles are in order"):
        assert 0 < row["p50"] <= row["p99"] <= row["max"], row


@suite.test
def the_check_finds_faults(t):
    """What is no reflector does not pass for one, and a wrong choice between two paths is found."""
    with Stage(FloorReflector, workloads.AS_NUMBER, SECONDS, lambda *_: None) as stage:
        stage.peers("nodes", 3, workloads.NODES)
        stage.speaker.tell("announce nodes[0] 198.51.100.0/24", "connect nodes[0..1]", "wait prefixes nodes[1] 1")
        with t.case("a path without ORIGINATOR_ID and CLUSTER_LIST"):
            answer = stage.speaker.ask("check nodes[1] cluster-id 192.0.2.1", check=False)
            assert not answer["ok"] and answer["differences"] == 1, f"found {answer}"
        with t.case("the same path, verbatim"):
            stage.speaker.tell("check nodes[1] verbatim")
        # The floor hands the worse path on as well, after the better one.
        stage.speaker.tell("connect nodes[2]", "wait prefixes nodes[2] 1", "stats nodes[1] reset",
                           'announce nodes[2] 198.51.100.0/24 same as-path "65001 65002"', "wait quiet 300")
        with t.case("any of two paths will do where nothing decides"):
            stage.speaker.tell("check nodes[1] verbatim")
        with t.case("the longer AS_PATH is not the best"):
            answer = stage.speaker.ask("check nodes[1] verbatim best", check=False)
            assert not answer["ok"] and answer["differences"] == 1, f"found {answer}"


@suite.test
def told(t):
    """Ratios, JSON, chart and options, on made-up rows."""
    rows = [{"workload": "nodes-100", "reflector": "heliostat", "wall": 1.0, "cpu": 0.5, "peak": 10.0},
            {"workload": "nodes-100", "reflector": "bird", "wall": 4.0, "cpu": 5.0, "peak": 5.0},
            {"workload": "nodes-100", "reflector": "frr", "wall": None, "cpu": 9.0, "peak": 90.0, "error": "not in 9 s: a <b>"}]
    report.ratios(rows)
    with t.case("ratios are Heliostat's number to the other's"):
        assert rows[1]["heliostat-ratio"] == {"wall": 0.25, "cpu": 0.1, "peak": 2.0}, rows[1]
        assert "heliostat-ratio" not in rows[0], rows[0]
    with t.case("what the journal costs is its number to that without"):
        both = [dict(rows[0], loop=0.4), dict(rows[0], reflector="journal", loop=0.46, peak=15.0)]
        report.ratios(both)
        assert both[1]["journal-ratio"] == {"loop": 1.15, "peak": 1.5, "wall": 1.0}, both[1]
        assert "heliostat-ratio" not in both[1] and "x 1.150 of without" in report.row_line(both[1]), report.row_line(both[1])
        both = [dict(rows[0], loop=0.4, rounds=4), dict(rows[0], reflector="journal", loop=0.46, rounds=2)]
        report.ratios(both)
        assert both[1]["journal-ratio"]["loop"] == 2.3, both[1]
    with t.case("what was not done has no ratio"):
        assert "heliostat-ratio" not in rows[2], rows[2]
    with t.case("the median of several runs, and no median hides a failed one"):
        merged = report.median_rows([dict(rows[0], wall=each) for each in (3.0, 1.0, 2.0)])
        assert merged["wall"] == 2.0 and merged["runs"] == 3, merged
        merged = report.median_rows([rows[1], dict(rows[2], reflector="bird")])
        assert merged["wall"] is None and merged["error"], merged
    with t.case("the chart is XML with a bar for each number"):
        root = xml.etree.ElementTree.fromstring(chart.chart(rows, {"nodes-100": "a & b"}, "a note"))
        bars = [each for each in root.iter("{http://www.w3.org/2000/svg}rect")]
        # The background, and three bars for each of the two that were done.
        assert len(bars) == 1 + 6, f"found {len(bars)} rectangles, expected 7"
    with t.case("growth is told from the smallest to the largest"):
        grown = report.growth([{"workload": f"growth-{n}", "reflector": "frr", "wall": 1.0, "cpu": n / 100, "bytes": n}
                               for n in (500, 1000)])
        assert grown == {"frr": {"from": "growth-500", "to": "growth-1000", "cpu": 2.0, "bytes": 2.0}}, grown
    for words, expected in ((["nonsense"], "found workload 'nonsense'"), (["--against", "quagga"], "found --against 'quagga'"),
                            (["--json", "/nowhere/file"], "found no folder /nowhere"),
                            (["warm"], "found workload 'warm' without --journal")):
        with t.case(f"refused: {' '.join(words)}"):
            done = subprocess.run(["/usr/bin/python3", os.path.join(suite.TOP, "tests", "bench", "harness"), *words],
                                  capture_output=True, text=True)
            assert done.returncode == 2 and expected in done.stderr, f"found status {done.returncode}: {done.stderr}"


@suite.test
def refused(t):
    """A clear line instead of a run that cannot end well."""
    with t.case("too little memory"):
        try:
            measure.need_memory(1 << 40, "a workload")
        except measure.Refused as error:
            assert "MiB of memory available, expected" in str(error), error
        else:
            raise AssertionError("found that it was not refused")
    with t.case("too few file descriptors"):
        script = ("import resource, sys\nsys.path.insert(0, sys.argv[1])\nfrom harness import measure\n"
                  "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))\n"
                  "try:\n    measure.need_descriptors(10 ** 10, 'nodes')\n"
                  "except measure.Refused as error:\n    print(error)\n")
        done = subprocess.run(["/usr/bin/python3", "-c", script, os.path.join(suite.TOP, "tests", "bench")],
                              capture_output=True, text=True)
        assert "found a limit of 256 file descriptors, expected 10000000300" in done.stdout, done.stdout + done.stderr


@suite.test
def interrupted(t):
    """SIGINT in the middle ends every process and removes the namespace."""
    harness = os.path.join(suite.TOP, "tests", "bench", "harness")
    folder = t.lab().folder
    log = os.path.join(folder, "bench.log")
    with open(log, "w") as sink:
        popen = subprocess.Popen(["/usr/bin/python3", harness, "slow", "--against", "none"], stdout=sink, stderr=sink,
                                 preexec_fn=labs.die_with_parent)
    own = f"{labs.PREFIX}{popen.pid}x"

    def namespaces():
        return [each for each in labs.namespace_names() if each.startswith(own) and each.endswith("-bench")]

    def children():
        return [pid for pid in measure.tree(popen.pid) if pid != popen.pid]

    try:
        wait.until(lambda: namespaces() and len(children()) >= 2, 60, "the benchmark to begin")
        left = children()
        popen.send_signal(2)
        status = popen.wait(60)
    finally:
        if popen.poll() is None:
            popen.kill()
            popen.wait()
    with t.case("it ended as interrupted"):
        with open(log) as file:
            assert status == 130, f"found status {status}, expected 130: {file.read()[-500:]}"
    with t.case("nothing is left"):
        wait.until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in left), 20, "its processes to end")
        assert not namespaces(), f"found {namespaces()}"


suite.main(parallel=True)
