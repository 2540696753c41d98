"""One reflector and one speaker in one network namespace, and the measuring of what goes on between them."""

import contextlib
import select
import time

from lib import lab as labs
from lib import wait
from lib.speaker import Speaker

from . import measure
from .reflectors import RANGE

START_SECONDS = 30


class TooSlow(Exception):
    """The workload was not done in its time."""


class BenchSpeaker(Speaker):
    """Looks after the reflector while it waits for an answer."""

    def __init__(self, host, stage):
        super().__init__(host)
        self.stage = stage

    def line(self, deadline):
        stdout = self.process.popen.stdout
        while b"\n" not in self.rest and not select.select([stdout], [], [], 0.25)[0]:
            self.stage.look_after()
            if time.monotonic() > deadline:
                break
        return super().line(deadline)


class Stage:
    """`with Stage(...) as stage:` the reflector is up and the speaker too; both and the namespace go with it."""

    def __init__(self, kind, as_number, seconds, progress):
        self.kind = kind
        self.as_number = as_number
        self.seconds = seconds  # for one measurement
        self.progress = progress
        self.lab = self.reflector = self.speaker = None
        self.converged = 0.0  # when the last wait that was not for quiet ended, wall clock
        self.pids = []

    def __enter__(self):
        self.lab = labs.Lab()
        try:
            self.begin()
        except BaseException:
            self.lab.close()
            raise
        return self

    def begin(self):
        host = self.lab.host("bench")
        labs.command(["ip", "-n", host.namespace, "route", "add", "local", RANGE, "dev", "lo"])
        # As anybody would who expects thousands of connections in one second.
        host.run(["sysctl", "-q", "-w", "net.core.somaxconn=8192", "net.ipv4.tcp_max_syn_backlog=8192"], check=False)
        self.reflector = self.kind(host, self.as_number)
        self.reflector.start()
        wait.until(self.reflector.ready, START_SECONDS, f"{self.kind.name} to listen", self.reflector.process.output)
        self.pids = self.reflector.processes()
        self.speaker = BenchSpeaker(host, self)
        self.speaker.start()
        self.speaker.tell("events off", f"target {host.ipv4} 179")

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.progress(measure.cpu_seconds(self.pids), measure.memory_mib(self.pids, "VmRSS"))
                self.speaker.stop()
                self.reflector.end()
        finally:
            self.lab.close()

    def start_again(self):
        """kill -9 and a new start: (seconds until it listened, paths that it had then)."""
        self.reflector.kill()
        self.speaker.tell("wait down nodes", "wait down feed")
        begin = time.monotonic()
        self.reflector.start()
        while not self.reflector.ready():
            assert time.monotonic() < begin + self.seconds, f"{self.kind.name} does not listen after {self.seconds:g} s"
            time.sleep(0.002)  # until it is looked at again
        took = time.monotonic() - begin
        self.pids = self.reflector.processes()
        return round(took, 3), self.reflector.show("journal")["restored-paths"]

    def look_after(self):
        assert self.reflector.process.alive(), \
            f"{self.kind.name} ended: {self.reflector.process.output()[-800:].strip()}"
        self.progress(measure.cpu_seconds(self.pids), measure.memory_mib(self.pids, "VmRSS"))

    def peers(self, name, count, first):
        """Defines a group of speakers with addresses, and BGP Identifiers, from `first` on."""
        self.speaker.tell(f"peers {name} {count} from {first} as {self.as_number} id-from {first} hold 240"
                          + (" ignore-own" if self.kind.returns_own else ""))

    def connect(self, ref):
        self.speaker.tell(f"connect {ref}" + (f" at-once {self.kind.at_once}" if self.kind.at_once else ""))

    def wait(self, what):
        """TooSlow, with what was still missing, when it does not come about."""
        answer = self.speaker.ask(f"wait {what} timeout {self.seconds}", check=False, seconds=self.seconds + 120)
        if not answer["ok"]:
            raise TooSlow(answer["error"])
        if not what.startswith("quiet"):
            self.converged = time.time()
        return answer["seconds"]

    def settle(self, milliseconds=500):
        self.wait(f"quiet {milliseconds}")

    def check(self, ref, more=""):
        """(paths compared, differences, the first of them): every path of every client with its attributes."""
        answer = self.speaker.ask(f"check {ref} {self.kind.check}{more} limit 1", check=False)
        if "compared" not in answer:
            raise AssertionError(f"check {ref}: {answer.get('error')}")
        return answer["compared"], answer["differences"] + answer["faults"], (answer["list"] or [answer.get("error")])[0]

    @contextlib.contextmanager
    def measured(self, row, ref, time_key, more=""):
        """Fills `row` with what the reflector and the clients `ref` did within the block. `time_key`: the speaker's time
        of the last change at these clients, since the first connect or since the mark. `more`: further words for `check`."""
        measure.reset_peak(self.pids)
        cpu, loop = measure.cpu_seconds(self.pids), measure.loop_seconds(self.reflector.process.pid)
        before = self.speaker.ask(f"stats {ref}")
        try:
            yield
            row.update(self.reflector.durable(self.converged, self.seconds, self.look_after) or {})
        finally:
            self.pids = self.reflector.processes()
            row["loop"] = round(measure.loop_seconds(self.reflector.process.pid) - loop, 4)
            row["cpu"] = round(measure.cpu_seconds(self.pids) - cpu, 3)
            row["peak"] = round(measure.memory_mib(self.pids), 1)
        after = self.speaker.ask(f"stats {ref}")
        row["wall"] = after[time_key]
        row["updates"] = after["updates-received"] - before["updates-received"]
        row["bytes"] = after["bytes-received"] - before["bytes-received"]
        row["compared"], row["differences"], first = self.check(ref, more)
        if row["differences"]:
            row["error"] = f"{row['differences']} of {row['compared']} paths differ: {first}"
