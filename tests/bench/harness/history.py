"""Questions to a journal of millions of changes, as a shell puts them: each on a connection of its own, until the last byte."""

import json
import socket
import sqlite3
import statistics
import time

from lib import lab as labs
from lib import suite, wait
from lib.lab import command

from . import measure
from .reflectors import HeliostatReflector, JournalReflector

START_SECONDS = 30
WARM_UP = 20
AGO = 3600  # seconds: the time that show routes at asks for
PREFIX_SIZES = {6: socket.AF_INET, 18: socket.AF_INET6}  # of a key: family, address, length


def prefix_text(key):
    """A prefix of the journal's keys (rr/journal_schema.h)."""
    return f"{socket.inet_ntop(PREFIX_SIZES[len(key)], key[1:-1])}/{key[-1]}"


class History:
    """10,000,000 changes of 200,000 prefixes in the journal, and a reflector that has nothing else to do."""

    skip_floor = True

    def __init__(self, changes=10_000_000, prefixes=200_000, count=200, name="history"):
        self.name = name
        self.changes = changes
        self.prefixes = prefixes
        self.count = count
        self.text = f"show history prefix, one of {prefixes:,} prefixes with {changes:,} changes, {count} times: ms"
        self.also = {f"{name}-at": f"show routes PREFIX at a time an hour ago, {count} times: ms",
                     f"{name}-table": "show routes at a time an hour ago: the whole table"}

    def require(self):
        measure.need_memory(200 + self.changes // 10000, self.name)

    def run(self, context, kind):
        """Yields rows. Only Heliostat has an answer; that it has its journal on is what this is about."""
        if kind is not HeliostatReflector:
            return
        row = context.row(self.name, kind)
        lab = labs.Lab()
        try:
            reflector = JournalReflector(lab.host("bench"), 64512)
            filled = json.loads(command([suite.build_path("heliostat-history"), reflector.journal["path"], str(self.changes),
                                         str(self.prefixes)], timeout=1800))
            assert filled["changes"] == self.changes, f"found {filled}"
            reflector.start()
            wait.until(reflector.ready, START_SECONDS, "heliostatd to listen", reflector.process.output)
            keys = self.choose(reflector.journal["path"])
            yield self.prefix_row(row, reflector, keys)
            yield self.at_row(context.row(f"{self.name}-at", kind), reflector, keys)
            yield self.table_row(context.row(f"{self.name}-table", kind), reflector)
            reflector.end()
        finally:
            lab.close()

    def choose(self, path):
        """{key: how many changes it has}, evenly spread over the table, beginning with one of those that change most."""
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            step = max(1, self.prefixes // (self.count + WARM_UP))
            keys = [row[0] for row in db.execute("SELECT DISTINCT prefix FROM history ORDER BY prefix")]
            assert len(keys) == self.prefixes, f"found {len(keys)} prefixes, expected {self.prefixes}"
            chosen = keys[::step][:self.count + WARM_UP]
            return {key: db.execute("SELECT count(*) FROM history WHERE prefix = ?", (key,)).fetchone()[0] for key in chosen}

    def ask(self, reflector, line):
        """(seconds, the answer)"""
        began = time.monotonic()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(reflector.socket)
            connection.sendall(f"json {line}\n".encode())
            pieces = []
            # An answer ends with "end STATUS"; no line of JSON does.
            while not pieces or not b"".join(pieces[-2:]).endswith((b"\nend 0\n", b"\nend 1\n")):
                pieces.append(connection.recv(1 << 20))
                assert pieces[-1], f"{line}: the connection was closed"
        took = time.monotonic() - began
        answer = b"".join(pieces)
        assert answer.endswith(b"end 0\n"), f"{line}: {answer[-300:]}"
        text = b"".join(body for kind, body in frames(answer) if kind == b"out")
        return took, json.loads(text)

    def measured(self, row, reflector, times, compared):
        row.update({"p50": statistics.median(times) * 1000, "p99": sorted(times)[len(times) * 99 // 100] * 1000,
                    "max": max(times) * 1000, "wall": round(statistics.median(times), 6), "compared": compared,
                    "peak": round(measure.memory_mib(reflector.processes()), 1),
                    "cpu": round(measure.cpu_seconds(reflector.processes()), 3)})
        return row

    def prefix_row(self, row, reflector, keys):
        times, compared = [], 0
        for key, changes in keys.items():
            took, answer = self.ask(reflector, f"show history prefix {prefix_text(key)}")
            found = [each for each in answer["history"] if each["type"] == "change"]
            assert len(found) == changes, f"{prefix_text(key)}: found {len(found)} changes, expected {changes}"
            for before, after in zip(found, found[1:]):
                assert after["old"] == before["new"] and before["time"] <= after["time"], f"{prefix_text(key)}: {after}"
            compared += len(found)
            times.append(took)
        row["changes"] = self.changes
        return self.measured(row, reflector, times[WARM_UP:], compared)

    def at_row(self, row, reflector, keys):
        at = time.time() - AGO
        word = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        expected = self.expected(reflector.journal["path"], int(at) * 1_000_000, keys)
        times = []
        for key in keys:
            took, answer = self.ask(reflector, f"show routes {prefix_text(key)} at {word}")
            found = {each["prefix"] for each in answer["routes"]}
            assert found == ({prefix_text(key)} if key in expected else set()), f"{prefix_text(key)} at {word}: found {found}"
            times.append(took)
        return self.measured(row, reflector, times[WARM_UP:], len(keys))

    def table_row(self, row, reflector):
        at = time.time() - AGO
        word = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        took, answer = self.ask(reflector, f"show routes at {word}")
        found = {each["prefix"] for each in answer["routes"]}
        expected = {prefix_text(key) for key in self.expected(reflector.journal["path"], int(at) * 1_000_000)}
        assert found == expected and len(found) == len(answer["routes"]), \
            f"at {word}: found {len(found)} prefixes, expected {len(expected)}"
        self.measured(row, reflector, [took], len(found))
        for key in ("p50", "p99", "max"):
            del row[key]
        return row

    def expected(self, path, at, keys=None):
        """The keys that have a best path at a time, by SQL alone."""
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            # The last row of a prefix is the one that stands.
            rows = db.execute("SELECT prefix, attrs FROM history WHERE time <= ? ORDER BY prefix, time, sequence",
                              (at,)) if keys is None else \
                [db.execute("SELECT prefix, attrs FROM history WHERE prefix = ? AND time <= ?"
                            " ORDER BY time DESC, sequence DESC LIMIT 1", (key, at)).fetchone() for key in keys]
            last = {row[0]: row[1] for row in rows if row}
            return {key for key, attrs in last.items() if attrs is not None}


def frames(answer):
    """(kind, body) of each frame of the management protocol (mgmt/protocol.h)."""
    at = 0
    while True:
        end = answer.index(b"\n", at)
        kind, number = answer[at:end].split(b" ")
        if kind == b"end":
            return
        yield kind, answer[end + 1:end + 1 + int(number)]
        at = end + 1 + int(number)
