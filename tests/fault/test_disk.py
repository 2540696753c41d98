#!/usr/bin/python3
"""A disk that fails: full, read-only, gone, not permitted, busy. Reflection goes on, health says so, and journaling resumes
by itself and makes the state in the file whole again. (Errors of single reads and writes: the C tests beside this.)
"""

import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "interop"))

from lib import suite, wait  # noqa: E402 - the path comes first
from lib.heliostat import Heliostat  # noqa: E402
from lib.journal import Mount, Scene, health, opened, verify  # noqa: E402
from lib.lab import CommandFailed, command  # noqa: E402

FAILURES = 4  # attempts that must have failed before it is mended


def degraded(t, scene, reason, stir=lambda: None):
    """The journal fails; meanwhile routes are reflected, and people are told why."""
    with t.case("health says degraded, and why"):
        def there():
            stir()
            status, answer = health(scene.reflector)
            return status == 1 and answer["status"] == "degraded" and answer
        answer = wait.until(there, 90, "the daemon to be degraded", lambda: (health(scene.reflector), scene.show()))
        text = " ".join(each["text"] for each in answer["reasons"])
        assert reason in text.lower(), f"found {answer['reasons']}, expected {reason!r} in it"
    with t.case("reflection goes on"):
        for _ in range(3):
            scene.change()
    with t.case("failures are counted, and logged once a minute"):
        wait.until(lambda: scene.show()["failures"] >= FAILURES, 60, f"{FAILURES} attempts", scene.show)
        lines = [line for line in scene.log_lines("journal") if "warning" in line or "error" in line]
        assert 1 <= len(lines) <= 2, f"found {len(lines)} lines in the log, expected 1, or 2 after a minute: {lines}"


def mended(t, scene, what="the state in the file is whole again", cold=False):
    with t.case("it is healthy again by itself"):
        scene.wait_health("healthy")
    with t.case(what):
        scene.wait_whole()
        wrong = scene.kill_and_look()
        assert not wrong, wrong
        scene.settle()
    with t.case("the witness lost nothing, the file is sound"):
        path = scene.path
        scene.end(cold)
        status, text = verify(path)
        assert status == 0, f"found status {status}: {text[-400:]}"


@suite.test
def disk_full(t):
    scene = Scene(t)
    mount = Mount(scene.hub.path("disk"))
    scene.reflector = scene.make(os.path.join(mount.path, "journal.db"))
    scene.start()
    scene.wait_health("healthy")
    scene.wait_whole()
    mount.fill()

    def stir():
        mount.fill("more")  # what a checkpoint may have given back
        scene.change()
    degraded(t, scene, "full", stir)
    for name in ("ballast", "more"):
        os.unlink(os.path.join(mount.path, name))
    mended(t, scene)


@suite.test
def full_from_the_start(t):
    """There is no room for the file at all."""
    scene = Scene(t)
    mount = Mount(scene.hub.path("disk"), options="size=4m")
    mount.fill()
    scene.reflector = scene.make(os.path.join(mount.path, "journal.db"))
    scene.start()
    degraded(t, scene, "full", lambda: scene.change())
    os.unlink(os.path.join(mount.path, "ballast"))
    mended(t, scene)


@suite.test
def read_only(t):
    """The file system is read-only when the daemon starts, and holds the state of before."""
    scene = Scene(t)
    mount = Mount(scene.hub.path("disk"))
    scene.reflector = scene.make(os.path.join(mount.path, "journal.db"))
    scene.start()
    scene.wait_whole()
    scene.reflector.stop()
    mount.remount("ro")
    scene.start()
    degraded(t, scene, "read-only", lambda: scene.change())
    mount.remount("rw", scene.reflector.process.pid)
    mended(t, scene, cold=True)


@suite.test
def fails_under_way(t):
    """ext4 aborts, as after an I/O error of the device: read-only from one moment to the next, while the file is open."""
    scene = Scene(t)
    image = scene.hub.path("image")
    with open(image, "wb") as file:
        file.truncate(32 << 20)
    try:
        command(["/usr/sbin/mkfs.ext4", "-q", "-F", image])
        mount = Mount(scene.hub.path("disk"), "ext4", "loop", image)
    except (CommandFailed, FileNotFoundError) as error:
        t.note(f"not tried, there is no loop device to be had: {error}")
        t.passed("not tried")
        return
    scene.reflector = scene.make(os.path.join(mount.path, "journal.db"))
    scene.start()
    scene.wait_whole()
    mount.remount("abort")
    degraded(t, scene, "journal.db", scene.change)
    with t.case("it ends as it should"):
        scene.end()


@suite.test
def folder_missing(t):
    """It comes later."""
    scene = Scene(t)
    folder = scene.hub.path("a/b")
    scene.reflector = scene.make(os.path.join(folder, "journal.db"))
    scene.start()
    degraded(t, scene, "no such", scene.change)
    os.makedirs(folder)
    mended(t, scene)


class WithoutOverride(Heliostat):
    """Root like the test, but not above the permissions of files."""

    def argv(self, *words):
        return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search", "--",
                *super().argv(*words)]


@suite.test
def no_permission(t):
    scene = Scene(t)
    folder = scene.hub.path("theirs")
    os.mkdir(folder, 0o700)
    os.chown(folder, 61900, 61900)
    scene.reflector = scene.make(os.path.join(folder, "journal.db"), WithoutOverride)
    scene.start()
    degraded(t, scene, "permission denied", scene.change)
    os.chmod(folder, 0o777)
    mended(t, scene)


@suite.test
def locked_by_another(t):
    """Somebody holds the database locked for writing: a backup, say."""
    scene = Scene(t)
    scene.start()
    scene.wait_whole()
    with opened(scene.path) as database:
        database.execute("BEGIN IMMEDIATE")
        degraded(t, scene, "lock", scene.change)
        database.execute("ROLLBACK")
    mended(t, scene)


@suite.test
def deleted_while_running(t):
    scene = Scene(t)
    scene.start()
    scene.wait_whole()
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(scene.path + suffix):
            os.unlink(scene.path + suffix)
    with t.case("a new file is begun"):
        def there():
            scene.change()
            return os.path.exists(scene.path)
        wait.until(there, 60, f"{scene.path}", scene.show)
    with t.case("it is said in the log"):
        wait.until(lambda: [line for line in scene.log_lines(scene.path) if "info" not in line], 30, "a line about it",
                   lambda: scene.log_lines("journal"))
    mended(t, scene, "the state in it is whole")


@suite.test
def replaced_while_running(t):
    """Another file has its name now, which is none of ours to write into."""
    scene = Scene(t)
    scene.start()
    scene.wait_whole()
    for suffix in ("-wal", "-shm"):
        os.rename(scene.path + suffix, scene.path + ".old" + suffix)
    os.rename(scene.path, scene.path + ".old")
    with open(scene.path, "w") as file:
        file.write("somebody's notes\n" * 100)
    with t.case("the other file is set aside, not written into"):
        def there():
            scene.change()
            aside = [each for each in os.listdir(scene.hub.folder) if ".replaced-" in each and not each.endswith(("-wal", "-shm"))]
            return len(aside) == 1 and open(scene.hub.path(aside[0])).read() == "somebody's notes\n" * 100
        wait.until(there, 60, "somebody's notes under a dated name", lambda: sorted(os.listdir(scene.hub.folder)))
    mended(t, scene, "the state in the new one is whole")


suite.main(parallel=True)
