"""Watching clients' own tables without a gap: ten times a second, from each daemon's socket (starting its command line
takes longer than that), and for GoBGP every change, as it tells them. BIRD's log, where it has `debug { routes }` (LOGGED),
is searched besides for routes that were removed between two samples.

    watch = Watch([bird, frr, gobgp], required)   # required: prefixes of which no one may lose any but its own
    watch.start()
    ... the reflector dies and comes back ...
    watch.stop()
    watch.losses                                 # ["bird lost 10.1.0.0/24 at ..."]: empty when nobody did
"""

import json
import os
import re
import socket
import subprocess
import threading
import time

from . import packages, wait

INTERVAL = 0.1
LOGGED = "\tdebug { routes };\n"  # for Bird(extra=...)
PREFIX = re.compile(r"^([0-9a-f.:]+/\d+)\s")


class Gone(Exception):
    """The daemon does not answer."""


class Line:
    """One connection to a Unix socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20 * wait.patience())
        self.socket.connect(path)
        self.rest = b""

    def until(self, end):
        """What comes up to `end(bytes)`, the length of a whole answer (0: not whole yet)."""
        while not end(self.rest):
            data = self.socket.recv(1 << 18)
            if not data:
                raise Gone
            self.rest += data
        size = end(self.rest)
        found, self.rest = self.rest[:size], self.rest[size:]
        return found.decode(errors="replace")

    def close(self):
        self.socket.close()


BIRD_END = re.compile(rb"^(?!0001)[089]\d{3} .*\n", re.MULTILINE)


class BirdTable:
    """BIRD's command socket: lines, the last with a code and a space, from 0000 on for success, from 8000 on for errors."""

    def __init__(self, daemon):
        self.line = Line(daemon.socket)
        self.line.until(lambda data: data.find(b"\n") + 1)  # 0001 BIRD ... ready.

    def prefixes(self):
        self.line.socket.sendall(b"show route\n")
        answer = self.line.until(lambda data: (match := BIRD_END.search(data)) and match.end() or 0)
        found, prefix = set(), None
        for row in answer.splitlines():
            row = re.sub(r"^(\d{4}[- ]| )", "", row)
            match = PREFIX.match(row)
            prefix = match[1] if match else prefix
            if re.search(r"\[rr\d+ ", row):
                found.add(prefix)
        return found

    def close(self):
        self.line.close()


class FrrTable:
    """bgpd's vty socket, as vtysh speaks it: a command and NUL; the answer ends with three NULs and a status."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.line = Line(os.path.join(daemon.run_folder, "bgpd.vty"))
        self.ask("enable")

    def ask(self, command):
        self.line.socket.sendall(command.encode() + b"\0")
        return self.line.until(lambda data: (at := data.find(b"\0\0\0")) >= 0 and len(data) > at + 3 and at + 4)[:-4]

    def prefixes(self):
        found = set()
        for family in ("ipv4", "ipv6"):
            for prefix, paths in json.loads(self.ask(f"show bgp {family} unicast json")).get("routes", {}).items():
                if any(each.get("peerId") in self.daemon.neighbors and each.get("valid") for each in paths):
                    found.add(prefix)
        return found

    def close(self):
        self.line.close()


TABLES = {"bird2": BirdTable, "bird1.6": BirdTable, "frr": FrrTable}


class Sampled(threading.Thread):
    """Samples one daemon."""

    def __init__(self, daemon, table, required):
        super().__init__(daemon=True)
        self.name = daemon.host.name
        self.table = table
        self.log = daemon.process.log
        self.logged = os.path.getsize(self.log)
        self.required = required
        self.ending = threading.Event()
        self.samples = 0
        self.widest = 0.0  # the longest time between two samples, seconds
        self.losses = []
        self.failure = None

    def look(self, missing):
        """One sample; what is missing now and was not before is a loss."""
        now = self.required - self.table.prefixes()
        for prefix in sorted(now - missing):
            self.losses.append(f"{self.name} lost {prefix} at {time.monotonic():.2f}")
        return now

    def run(self):
        missing, last = set(), time.monotonic()
        try:
            while not self.ending.is_set():
                begin = time.monotonic()
                missing = self.look(missing)
                self.samples += 1
                self.widest = max(self.widest, begin - last)
                last = begin
                self.ending.wait(max(0.0, INTERVAL - (time.monotonic() - begin)))
        except (Gone, OSError, ValueError) as error:
            self.failure = f"{self.name}: {type(error).__name__} {error}"

    def stop(self):
        self.ending.set()
        self.join(30)
        self.table.close()
        with open(self.log, errors="replace") as file:
            file.seek(self.logged)
            for match in re.finditer(r"^(.*) removed \[sole\] ([0-9a-f.:]+/\d+)", file.read(), re.MULTILINE):
                if match[2] in self.required:
                    self.losses.append(f"{self.name} lost {match[2]}: {match[1]}")


class Told:
    """GoBGP tells every change of its table: `gobgp monitor global rib`."""

    def __init__(self, daemon, required):
        self.name = daemon.host.name
        self.required = required
        self.losses = []
        self.samples = 0
        self.widest = 0.0
        self.failure = None
        self.seen = set()
        self.process = daemon.host.spawn([packages.program("gobgpd", "gobgp"), "monitor", "global", "rib", "--current"],
                                         "gobgp-monitor", stdout=subprocess.PIPE)
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()
        # It is told the table as it stands first, so that it is known to listen.
        wait.until(lambda: self.required <= self.seen, 20, f"{self.name}'s monitor to tell its table",
                   lambda: sorted(self.required - self.seen))

    def run(self):
        for line in self.process.popen.stdout:
            match = re.search(r" \[(ROUTE|DELROUTE)\] ([0-9a-f.:]+/\d+) ", line.decode(errors="replace"))
            if not match:
                continue
            self.samples += 1
            prefix = match[2]
            if match[1] == "ROUTE":
                self.seen.add(prefix)
            elif prefix in self.required:
                self.seen.discard(prefix)
                self.losses.append(f"{self.name} lost {prefix} at {time.monotonic():.2f}")

    def stop(self):
        if not self.process.alive():
            self.failure = f"{self.name}: its monitor ended: {self.process.output()[-300:]}"
        self.process.kill()
        self.thread.join(20)


class Watch:
    """`required` {daemon: prefixes}, or a set for all of them (each its own aside)."""

    def __init__(self, daemons, required):
        self.watchers = []
        for daemon in daemons:
            own = required[daemon] if isinstance(required, dict) else required - set(daemon.announced)
            if daemon.kind in TABLES:
                self.watchers.append(Sampled(daemon, TABLES[daemon.kind](daemon), own))
            else:
                self.watchers.append(Told(daemon, own))

    def start(self):
        for each in self.watchers:
            each.start()

    def stop(self):
        for each in self.watchers:
            each.stop()

    @property
    def losses(self):
        return [loss for each in self.watchers for loss in each.losses]

    def check(self):
        """Fails when a watcher did not watch."""
        for each in self.watchers:
            assert not each.failure, each.failure
            assert each.samples > 0, f"{each.name} was never looked at"

    def described(self):
        return ", ".join(f"{each.name} {each.samples} " + (f"samples, {each.widest * 1000:.0f} ms apart at most"
                                                           if isinstance(each, Sampled) else "changes")
                         for each in self.watchers)
