"""Rows for people (a table on the terminal) and for programs (JSON)."""

import json
import os
import platform
import shutil
import statistics
import sys
import time

NUMBERS = ("wall", "cpu", "peak")  # what is compared
JOURNAL = ("loop", "durable")
WORST = ("longest-turn-ms", "longest-transaction-ms")
MEDIANS = (*NUMBERS, *JOURNAL, "p50", "p99", "max", "catch-up", "without", "worst", "worst-without")


def median_rows(rows):
    """One row of the runs of one workload and reflector: the median of each number, the worst of the rest."""
    bad = next((row for row in rows if row.get("error")), None)
    merged = dict(bad or rows[0])
    for key in MEDIANS:
        values = [row[key] for row in rows if row.get(key) is not None]
        if values and not (bad and merged.get(key) is None):
            merged[key] = statistics.median(values)
    for key in WORST:
        values = [row[key] for row in rows if row.get(key) is not None]
        if values:
            merged[key] = max(values)
    merged["runs"] = len(rows)
    return merged


def ratios(rows):
    """Adds to each row what Heliostat's numbers are to it: 0.25 is a quarter of this one's."""
    own = {row["workload"]: row for row in rows if row["reflector"] == "heliostat"}
    for row in rows:
        mine = own.get(row["workload"])
        # What was not done cost more than what was counted until then.
        if mine is None or mine is row or row.get("wall") is None:
            continue
        if row["reflector"] == "journal":
            # What the journal costs: its number to that without, for as much work.
            row["journal-ratio"] = {key: round(row[key] / mine[key], 4) for key in ("peak", "wall")
                                    if row.get(key) is not None and mine.get(key)}
            if row.get("loop") is not None and mine.get("loop"):
                work = row.get("rounds", 1) / mine.get("rounds", 1)
                row["journal-ratio"]["loop"] = round(row["loop"] / work / mine["loop"], 4)
            continue
        row["heliostat-ratio"] = {key: round(mine[key] / row[key], 4) for key in NUMBERS
                                  if mine.get(key) is not None and row.get(key)}


def growth(rows):
    """For each reflector, how CPU time and bytes sent grew from the smallest to the largest of the growth rows."""
    told = {}
    for name in {row["reflector"] for row in rows}:
        series = [row for row in rows if row["reflector"] == name and row["workload"].startswith("growth-")
                  and row.get("wall") is not None]
        if len(series) > 1 and series[0]["cpu"] > 0:
            told[name] = {"from": series[0]["workload"], "to": series[-1]["workload"],
                          "cpu": round(series[-1]["cpu"] / series[0]["cpu"], 2),
                          "bytes": round(series[-1]["bytes"] / series[0]["bytes"], 2)}
    return told


def seconds(value):
    if value is None:
        return "-"
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"


HEADS = (("reflector", 11), ("wall s", 9), ("CPU s", 9), ("peak MiB", 9), ("UPDATEs", 11), ("MiB", 8), ("checked", 12),
         ("wall", 8), ("CPU", 7), ("memory", 8))


def line(cells):
    return "  " + "".join(cell.ljust(width) if at == 0 else cell.rjust(width)
                          for at, (cell, (_, width)) in enumerate(zip(cells, HEADS)))


def times(row, key):
    ratio = row.get("heliostat-ratio", {}).get(key)
    return f"x {1 / ratio:.1f}" if ratio else ""


def row_line(row):
    cells = [row["reflector"], seconds(row.get("wall")), seconds(row.get("cpu")),
             f"{row['peak']:.1f}" if row.get("peak") is not None else "-", f"{row.get('updates', 0):,}",
             f"{row.get('bytes', 0) / 2**20:,.1f}", f"{row.get('compared', 0):,}", *(times(row, key) for key in NUMBERS)]
    text = line(cells)
    if row.get("p50") is not None:
        text += f"   p50 {row['p50']:.2f} ms, p99 {row['p99']:.2f}, max {row['max']:.2f}"
    if row.get("catch-up") is not None:
        text += f"   worst of {row['rounds']} {seconds(row['worst'])}; all reading: {seconds(row['without'])}, " \
                f"worst {seconds(row['worst-without'])}; " \
                f"it caught up in {seconds(row['catch-up'])}"
    if row.get("journal-ratio"):
        text += "\n      " + journal_line(row)
    if row.get("restored") is not None:
        text += f"   {row['restored']:,} paths restored; the first client had them in {seconds(row['first-client'])}"
    if row.get("error"):
        text += f"\n      {row['error']}"
    return text


def journal_line(row):
    """What the journal cost beside the row without it, and when all was on the disk."""
    parts = [f"event loop {seconds(row['loop'])} s CPU" + (f", x {row['journal-ratio']['loop']:.3f} of without"
                                                          if "loop" in row["journal-ratio"] else "")]
    if row.get("durable") is not None:
        parts.append(f"durable {seconds(row['durable'])} s after the last change")
    if row.get("longest-turn-ms") is not None:
        parts.append(f"longest turn {row['longest-turn-ms']:.2f} ms, transaction {row['longest-transaction-ms']:.0f} ms")
    if row.get("rows") is not None:
        parts.append(f"{row['rows']:,} rows, {row['history-lost']:,} lost, {row['file-mib']:,.0f} MiB")
    return "; ".join(parts)


class Terminal:
    """The table as it grows, and one line of progress below it."""

    def __init__(self, out=sys.stdout):
        self.out = out
        self.live = out.isatty()
        self.shown = ""
        self.what = ""
        self.began = time.monotonic()
        self.last = 0

    def clear(self):
        if self.live and self.shown:
            self.out.write("\r\033[K")
            self.shown = ""

    def write(self, text):
        self.clear()
        print(text, file=self.out, flush=True)

    def begin(self, what):
        self.what = what
        self.began = self.last = time.monotonic()
        self.progress(0, 0, first=True)

    def progress(self, cpu, memory, first=False):
        now = time.monotonic()
        # Without a terminal, a line now and then tells that it is alive.
        if not self.live and not first and now - self.last < 15:
            return
        self.last = now
        text = f"{self.what}: {now - self.began:.0f} s, {cpu:.1f} s CPU, {memory:.0f} MiB"
        if not self.live:
            if not first:
                print(f"  ... {text}", file=self.out, flush=True)
            return
        self.shown = text[:shutil.get_terminal_size().columns - 1]
        self.out.write("\r\033[K" + self.shown)
        self.out.flush()

    def head(self, name, text):
        self.write(f"\n{name}: {text}\n{line([head for head, _ in HEADS])}")


def machine():
    model = platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            model = next((each.split(":", 1)[1].strip() for each in file if each.startswith("model name")), model)
    except OSError:
        pass
    return {"cores": os.cpu_count(), "processor": model, "kernel": platform.release(),
            "memory-mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20}


def write_json(path, rows, runs, versions):
    document = {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": machine(), "versions": versions,
                "rows": rows, "growth": growth(rows), "runs": runs}
    write_whole(path, json.dumps(document, indent=1) + "\n")


def write_whole(path, text):
    """The file is either the old one or the new one."""
    unfinished = f"{path}.unfinished"
    with open(unfinished, "w") as file:
        file.write(text)
    os.replace(unfinished, path)
