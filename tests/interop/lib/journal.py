"""What the tests of the journal share: a reflector with a journal, an announcer, and a witness that is told all."""

import contextlib
import json
import os
import sqlite3
import subprocess

from . import suite, wait
from .heliostat import Heliostat
from .lab import command
from .recorder import Recorder, marks, wrongly_lost

RESTART_TIME = 40


def health(reflector):
    """(exit status, answer) of `show health`."""
    done = subprocess.run(reflector.host.argv([suite.build_path("heliostat"), "-s", reflector.socket, "--json", "show", "health"]),
                          capture_output=True, text=True, timeout=60 * wait.patience())
    assert done.stdout.strip(), f"show health: found status {done.returncode}, {done.stderr.strip()}"
    return done.returncode, json.loads(done.stdout)


def verify(path):
    """(exit status, output) of `heliostat journal verify`."""
    done = subprocess.run([suite.build_path("heliostat"), "journal", "verify", "-f", path], capture_output=True, text=True,
                          timeout=300 * wait.patience())
    return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def opened(path):
    """The file, for the test to look into or to spoil."""
    database = sqlite3.connect(path, timeout=20, isolation_level=None)
    try:
        yield database
    finally:
        database.close()


class Mount:
    """A small file system in a folder of the lab, gone with it."""

    def __init__(self, path, kind="tmpfs", options="size=8m", source="none"):
        self.path = path
        os.makedirs(path, exist_ok=True)
        command(["mount", "-t", kind, "-o", options, source, path])

    def remount(self, options, pid=None):
        """`pid`: as this process sees it as well, which has a mount namespace of its own."""
        words = ["mount", "-o", f"remount,{options}", self.path]
        command(words)
        if pid:
            command(["nsenter", "-t", str(pid), "-m", *words])

    def free(self):
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_bsize

    def fill(self, name="ballast", leave=0):
        """Takes all the room that is left."""
        with open(os.path.join(self.path, name), "wb", buffering=0) as file:
            try:
                left = self.free() - leave
                while left > 0:
                    left -= file.write(b"x" * min(left, 1 << 16))
            except OSError:
                pass


class Scene:
    """One announcer with `count` prefixes of each family, one witness, both with Graceful Restart."""

    def __init__(self, t, count=100):
        self.lab = t.lab()
        self.hub = self.lab.host("hub")
        self.count = count
        self.reflector = self.make()
        self.announcer = Recorder(self.lab.host("announcer"), self.hub.ipv4, "198.51.100.1")
        self.witness = Recorder(self.lab.host("witness"), self.hub.ipv6, "198.51.100.2")
        self.others = []  # further announcers
        self.next = 0

    def make(self, path=None, kind=Heliostat, **options):
        """A reflector with its journal at `path`: a file of its own folder if not given."""
        return kind(self.hub, journal={"path": path} if path else True, router={"restart-time": RESTART_TIME},
                    groups={"nodes": {"role": "client", "dynamic": ["10.99.0.0/16", "fd00:99::/64"]}}, **options)

    @property
    def path(self):
        return self.reflector.journal["path"]

    def prefixes(self, first=0, count=None):
        for k in range(first, first + (self.count if count is None else count)):
            yield f"10.{k >> 8}.{k & 255}.0/24"
            yield f"fd00:1:{k:x}::/64" if k else "fd00:1::/64"

    def start(self):
        """The reflector, and its clients, which are told all."""
        self.reflector.start()
        if not self.announcer.wanted:
            self.announcer.announce(list(self.prefixes()))
            self.next = self.count
            self.announcer.connect()
            self.witness.connect()
        self.settle()

    def settle(self):
        wait.until(lambda: not self.differs(), 40, "the witness to have what the announcer announces", self.differs)

    def differs(self):
        self.announcer.check()
        self.witness.check()
        with self.witness.lock, self.announcer.lock:
            found = {prefix: (route.sequence, route.communities) for prefix, route in self.witness.table.items()}
            expected = {prefix: (number, marks(number)) for each in (self.announcer, *self.others)
                        for prefix, number in each.announced.items()}
        wrong = [prefix for prefix in found.keys() | expected.keys() if found.get(prefix) != expected.get(prefix)]
        return f"{len(wrong)} prefixes that differ, the first {sorted(wrong)[0]}" if wrong else ""

    def change(self, count=None, settle=True):
        """New attributes for every prefix (or the first `count`), and one prefix more."""
        new = list(self.prefixes(self.next, 1))
        self.next += 1
        self.announcer.announce([*list(self.announcer.announced)[:count], *new])
        if settle:
            self.settle()

    def show(self):
        return self.reflector.show("journal")

    def wait_whole(self):
        """Everything changes, and the state in the file is what the table is now."""
        self.change()
        self.wait_written()

    def wait_written(self):
        """Nothing waits to be written any more."""
        def whole():
            shown = self.show()
            return not any(shown[key] for key in ("waiting-paths", "waiting-history", "batches-waiting"))
        wait.until(whole, 60, "a whole state in the file", self.show)

    def wait_health(self, status, seconds=60):
        """The answer of `show health` once it is `status`."""
        code = {"healthy": 0, "degraded": 1}[status]

        def there():
            found, answer = health(self.reflector)
            return found == code and answer["status"] == status and answer
        return wait.until(there, seconds, f"the daemon to be {status}", lambda: (health(self.reflector), self.show()))

    def restored(self):
        """{prefix: (sequence, communities)} of the table."""
        return {row["prefix"]: (row["med"], tuple(row["communities"])) for row in self.reflector.show("routes")["routes"]}

    def kill_and_look(self):
        """kill -9 and a new start, with the announcer held back: what the journal held that is not what he announces."""
        self.reflector.kill()
        self.announcer.disconnect()
        self.reflector.start()
        found = self.restored()
        self.announcer.connect()
        expected = {prefix: (number, marks(number)) for prefix, number in self.announcer.announced.items()}
        wrong = [f"{prefix}: found {found.get(prefix)}, expected {expected.get(prefix)}"
                 for prefix in sorted(found.keys() | expected.keys()) if found.get(prefix) != expected.get(prefix)]
        return f"{len(wrong)} differences, the first {wrong[0]}" if wrong else ""

    def log_lines(self, word):
        return [line for line in self.reflector.process.output().splitlines() if word in line]

    def end(self, cold=False):
        """`cold`: the reflector had started without its state, and the witness rightly flushed what it had."""
        lost = wrongly_lost(self.witness, [self.announcer])
        self.announcer.disconnect()
        self.witness.disconnect()
        self.reflector.stop()
        assert cold or not lost, f"the witness lost what was there: {lost[:4]}"
