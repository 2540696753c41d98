#!/usr/bin/python3
"""What the daemon finds in place of its journal: rubbish, somebody else's file, a newer one, one of another configuration."""

import glob
import os
import random
import re
import shutil
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "interop"))

from lib import suite, wait  # noqa: E402 - the path comes first
from lib.journal import Scene, opened, verify  # noqa: E402
from lib.recorder import Recorder  # noqa: E402


def set_aside(scene, word):
    """The files that were moved away for being `word`."""
    return [each for each in glob.glob(f"{scene.path}.{word}-*") if not each.endswith(("-wal", "-shm"))]


def started_anew(t, name, scene, word, content=None):
    """It was moved aside under a dated name, which log and health tell; the new file takes over."""
    with t.case(f"{name}: moved aside under a dated name"):
        found = wait.until(lambda: set_aside(scene, word), 30, f"a file {scene.path}.{word}-...",
                           lambda: sorted(os.listdir(scene.hub.folder)))
        assert len(found) == 1 and re.search(r"-\d{8}T\d{6}", found[0]), f"found {found}"
        if content is not None:
            with open(found[0], "rb") as file:
                assert file.read() == content, f"{found[0]} is not what it was"
    with t.case(f"{name}: said in log and health"):
        assert any(found[0] in line for line in scene.log_lines(word)), f"found {scene.log_lines('journal')}"
        shown = scene.reflector.ask("show", "journal")
        assert found[0] in shown, f"found {shown}"
        assert scene.reflector.show("journal")["moved-to"] == found[0], f"found {scene.show()}"
        shown = scene.reflector.ask("show", "health")  # status 0: all is well again
        assert shown.startswith("healthy") and found[0] in shown, f"found {shown}"
        shown = scene.reflector.show("health")
        assert shown["status"] == "healthy" and found[0] in shown["notices"][0]["text"], f"found {shown}"
    with t.case(f"{name}: reflection is as ever, and the new file is sound and whole"):
        scene.settle()
        scene.wait_whole()
        wrong = scene.kill_and_look()
        assert not wrong, wrong
        scene.settle()
    for each in found:
        os.unlink(each)


def spoil(path, kind, chance):
    """Damages a journal; what must have become of it."""
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        if kind == "header":
            file.write(b"\xff" * 100)
        elif kind == "pages":
            for at in range(4096, size, 4096):
                file.seek(at)
                file.write(chance.randbytes(512))
        elif kind == "cut":
            file.truncate(size // 2 // 512 * 512)
        elif kind == "text":
            file.truncate(0)
            file.write(b"this is no database\n" * 1000)


@suite.test
def corrupt(t):
    scene = Scene(t)
    scene.start()
    chance = random.Random(4)
    for kind in ("header", "pages", "cut", "text"):
        scene.wait_whole()
        scene.reflector.stop()
        spoil(scene.path, kind, chance)
        with open(scene.path, "rb") as file:
            content = file.read()
        scene.start()
        # What has no SQLite header is somebody else's.
        started_anew(t, kind, scene, "foreign" if kind in ("header", "text") else "corrupt", content)
    with t.case("the witness lost nothing that a cold start may not lose"):
        scene.announcer.disconnect()
        scene.witness.disconnect()
        scene.reflector.stop()


@suite.test
def foreign(t):
    """Another program's SQLite database: not a byte of it is changed."""
    scene = Scene(t)
    with opened(scene.path) as database:
        database.execute("CREATE TABLE recipes (name TEXT, text TEXT)")
        database.execute("INSERT INTO recipes VALUES ('soup', 'water')")
        database.execute("PRAGMA user_version = 7")
    with open(scene.path, "rb") as file:
        content = file.read()
    scene.start()
    started_anew(t, "another program's database", scene, "foreign", content)
    scene.end()


@suite.test
def newer(t):
    """A newer program's journal is not touched: the daemon does not start, and says why."""
    scene = Scene(t)
    scene.start()
    scene.wait_whole()
    scene.reflector.stop()
    with opened(scene.path) as database:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute("PRAGMA user_version = 999")
    scene.reflector.launch()
    with t.case("it does not start"):
        status = scene.reflector.process.wait(30)
        assert status not in (0, 86), f"found status {status}"
    with t.case("a line says so: what was found, what was expected"):
        lines = [line for line in scene.log_lines(scene.path) if "999" in line and str(version) in line]
        assert lines, f"found {scene.log_lines('')[-4:]}"
    with t.case("the file is as it was"):
        with opened(scene.path) as database:
            assert database.execute("PRAGMA user_version").fetchone()[0] == 999
            database.execute(f"PRAGMA user_version = {version}")
        scene.start()
    scene.end()


@suite.test
def in_use(t):
    """A second daemon on the same file is refused, and the first one does not notice."""
    scene = Scene(t)
    scene.start()
    second = scene.make(scene.path, name="second", listen=[{"address": "127.0.0.1", "port": 1790}])
    second.launch()
    with t.case("the second does not start, and says why"):
        status = second.process.wait(30)
        assert status not in (0, 86), f"found status {status}"
        assert scene.path in second.process.output() and "in use" in second.process.output(), \
            f"found {second.process.output()[-400:]}"
    with t.case("the first goes on"):
        scene.wait_whole()
        scene.wait_health("healthy")
        wrong = scene.kill_and_look()
        assert not wrong, wrong
    scene.settle()
    scene.end()


def spoilt(value):
    """The same but for one byte."""
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    return value[:-1] + "~" if value else "~"


@suite.test
def changed_audit(t):
    """One byte of one audit row: `journal verify` names the row."""
    scene = Scene(t, count=5)
    for _ in range(3):  # some rows
        scene.start()
        scene.reflector.stop()
    with t.case("the untouched file is sound"):
        status, text = verify(scene.path)
        assert status == 0, f"found status {status}: {text}"
    with opened(scene.path) as database:
        rows = [row[0] for row in database.execute("SELECT rowid FROM audit ORDER BY rowid")]
        columns = [row[1] for row in database.execute("PRAGMA table_info(audit)") if row[1] != "id"]
    with t.case("there are rows to change"):
        assert len(rows) >= 4 and len(columns) >= 2, f"found {rows} and {columns}"
    for row in (rows[0], rows[len(rows) // 2], rows[-1]):
        for column in columns:
            copy = scene.hub.path("copy.db")
            shutil.copyfile(scene.path, copy)
            with opened(copy) as database:
                value = database.execute(f"SELECT {column} FROM audit WHERE rowid = ?", (row,)).fetchone()[0]
                database.execute(f"UPDATE audit SET {column} = ? WHERE rowid = ?", (spoilt(value), row))
            with t.case(f"{column} of row {rows.index(row) + 1} of {len(rows)}"):
                status, text = verify(copy)
                assert status == 1, f"found status {status}: {text}"
                assert re.search(rf"\b{row}\b", text), f"found {text!r}, expected row {row} in it"
    with t.case("a row that is gone"):
        shutil.copyfile(scene.path, scene.hub.path("copy.db"))
        with opened(scene.hub.path("copy.db")) as database:
            database.execute("DELETE FROM audit WHERE rowid = ?", (rows[1],))
        status, text = verify(scene.hub.path("copy.db"))
        assert status == 1 and re.search(rf"\b({rows[1]}|{rows[2]})\b", text), f"found status {status}: {text}"
    scene.announcer.disconnect()
    scene.witness.disconnect()


@suite.test
def another_configuration(t):
    """What the configuration no longer wants is not resurrected: peers, families, another AS."""
    scene = Scene(t, count=20)
    base = {"role": "client", "families": ["ipv4-unicast", "ipv6-unicast"]}
    speakers = {name: Recorder(scene.lab.host(name), scene.hub.ipv4, f"198.51.100.{10 + k}")
                for k, name in enumerate(("keeps", "leaves", "shrinks", "changes", "ranged"))}

    def configure(groups, **peers):
        scene.reflector.groups = groups
        scene.reflector.peers = [{"address": speakers[name].host.ipv4, "group": group} for name, group in peers.items()]
    configure({"all": base, "some": base, "range": {**base, "dynamic": ["10.99.0.0/16", "fd00:99::/64"]}},
              keeps="all", leaves="all", shrinks="some", changes="all")
    scene.start()
    for k, each in enumerate(speakers.values()):
        each.announce([f"172.16.{k}.0/24", f"fd00:16:{k + 1}::/64"])
        each.connect()
        scene.others.append(each)
    scene.wait_whole()
    for each in (*speakers.values(), scene.announcer, scene.witness):
        each.disconnect()
    scene.reflector.kill()
    # `leaves` is gone, `shrinks` has no IPv6 any more, `changes` is of another AS, and the range does not hold `ranged`.
    configure({"all": base, "some": {**base, "families": ["ipv4-unicast"]}, "away": {**base, "role": "external", "as": 64999},
               "range": {**base, "dynamic": ["fd00:99::/64"]}}, keeps="all", shrinks="some", changes="away")
    scene.reflector.start()
    found = {prefix for prefix in scene.restored() if prefix.startswith(("172.16.", "fd00:16:"))}
    names = list(speakers)

    def of(name):
        return {f"172.16.{names.index(name)}.0/24", f"fd00:16:{names.index(name) + 1}::/64"}
    with t.case("the peer that is configured as before"):
        assert of("keeps") <= found, f"found {sorted(found)}"
    with t.case("a peer that is gone"):
        assert not of("leaves") & found, f"found {sorted(found)}"
    with t.case("a family that is gone, and the one that stays"):
        assert of("shrinks") & found == {"172.16.2.0/24"}, f"found {sorted(found)}"
    with t.case("a peer of another AS now"):
        assert not of("changes") & found, f"found {sorted(found)}"
    with t.case("an address that no range holds any more"):
        assert not of("ranged") & found, f"found {sorted(found)}"
    with t.case("nor do they come with the next start"):
        scene.wait_written()
        scene.reflector.kill()
        configure({"all": base, "range": {**base, "dynamic": ["10.99.0.0/16", "fd00:99::/64"]}}, keeps="all", leaves="all",
                  changes="all")
        scene.reflector.start()
        found = {prefix for prefix in scene.restored() if prefix.startswith(("172.16.", "fd00:16:"))}
        gone = of("leaves") | of("changes") | of("ranged") | {"fd00:16:3::/64"}
        assert of("keeps") <= found and not gone & found, f"found {sorted(found)}"
    scene.reflector.stop()


@suite.test
def too_old(t):
    """A state older than journal.restore-max-age is history only."""
    scene = Scene(t, count=20)
    scene.start()
    scene.wait_whole()
    scene.announcer.disconnect()
    scene.witness.disconnect()
    scene.reflector.kill()
    with t.case("within the age it is restored"):
        scene.reflector.start()
        assert len(scene.restored()) == len(scene.announcer.announced), f"found {len(scene.restored())} routes"
    scene.reflector.kill()
    scene.reflector.journal["restore-max-age"] = 0
    with t.case("beyond it, nothing is"):
        scene.reflector.start()
        assert not scene.restored(), f"found {len(scene.restored())} routes"
    with t.case("nor after one more start"):
        del scene.reflector.journal["restore-max-age"]
        scene.reflector.kill()
        scene.reflector.start()
        assert not scene.restored(), f"found {len(scene.restored())} routes"
    scene.reflector.stop()


@suite.test
def behind(t):
    """The daemon was killed while history waited that the state was ahead of."""
    scene = Scene(t, count=20)
    scene.start()
    scene.wait_whole()
    scene.announcer.disconnect()
    scene.witness.disconnect()
    scene.reflector.kill()
    with opened(scene.path) as database:
        database.execute("DELETE FROM history")
        database.execute("UPDATE meta SET value = 20 WHERE key = 'behind'")
        database.execute("INSERT OR REPLACE INTO meta SELECT 'behind_from', value - 3000000 FROM meta WHERE key = 'whole_at'")
    scene.reflector.start()
    restored = set(scene.restored())

    def told():
        """Prefixes with a best path, as the history has it."""
        with opened(scene.path) as database:
            return database.execute("SELECT count(DISTINCT prefix) FROM history WHERE attrs NOT NULL").fetchone()[0]

    with t.case("history goes on from what was restored"):
        assert restored, "found nothing restored"
        wait.until(lambda: told() == len(restored), 30, f"{len(restored)} prefixes in the history", told)
    with t.case("and says that there is a gap"):
        gaps = scene.reflector.show("history", "gaps")["gaps"]
        assert any(each.get("lost") == 20 for each in gaps), f"found {gaps}"
    scene.reflector.stop()


suite.main(parallel=True)
