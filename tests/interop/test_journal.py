#!/usr/bin/python3
"""What stands in the journal: sessions and why they ended, the configurations that were in force, who did what; and a table
that is begun anew under way. The state to restart from has tests of its own (test_warm_restart.py, tests/fault)."""

import getpass
import time

from lib import suite, wait
from lib.heliostat import Heliostat
from lib.journal import Scene, opened, verify
from lib.recorder import Recorder

STATES = ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"]
KINDS = ["state", "sent", "received"]


def rows(scene, sql):
    with opened(scene.path) as database:
        return database.execute(sql).fetchall()


def events(scene):
    return [(KINDS[kind], STATES[before], STATES[state], code, subcode, text) for kind, before, state, code, subcode, text in
            rows(scene, "SELECT kind, state_before, state, code, subcode, text FROM event ORDER BY id")]


def wait_rows(scene, sql, condition, what):
    wait.until(lambda: condition(rows(scene, sql)), 20, what, lambda: rows(scene, sql))


@suite.test
def sessions(t):
    """States and NOTIFICATIONs; what fails again and again in the same way is told once."""
    scene = Scene(t)
    silent = scene.lab.host("silent")  # nobody listens there
    scene.reflector.peers = [{"address": silent.ipv4, "group": "nodes"}]
    scene.reflector.groups["nodes"]["connect-retry"] = 1
    client = Recorder(scene.lab.host("client"), scene.hub.ipv4, "198.51.100.7")
    scene.reflector.start()
    client.connect()
    scene.reflector.wait_established([client.host.ipv4])
    client.disconnect(notification=True)
    with t.case("the states of a session and the NOTIFICATION that ended it"):
        wait.until(lambda: ("state", "OpenConfirm", "Established", 0, 0, None) in events(scene), 20, "Established in the journal",
                   lambda: events(scene))
        wait.until(lambda: any(each[0] == "received" and each[3] == 6 for each in events(scene)), 20, "the Cease in the journal",
                   lambda: events(scene))
        ended = [each for each in events(scene) if each[0] == "state" and each[1] == "Established"]
        assert len(ended) == 1 and "received Cease" in ended[0][5], f"found {ended}"
    with t.case("one line for attempts that fail in one way"):
        tried = scene.reflector.peer(silent.ipv4)
        began = time.monotonic()
        wait.until(lambda: time.monotonic() - began > 5, 10, "five attempts")
        again = [each for each in events(scene) if each[5] and "cannot connect" in each[5]]
        assert tried["state"] != "Established" and len(again) == 1, f"found {again}"
    with t.case("what we send"):
        client.connect()
        scene.reflector.wait_established([client.host.ipv4])
        scene.reflector.ask("clear", "peer", client.host.ipv4, "hard")
        wait.until(lambda: any(each[0] == "sent" and each[3] == 6 for each in events(scene)), 20, "our Cease in the journal",
                   lambda: events(scene))
    client.disconnect()
    scene.reflector.stop()


@suite.test
def configurations_and_audit(t):
    """Which configuration was in force when, and who did what: the chain holds over restarts."""
    scene = Scene(t)
    client = Recorder(scene.lab.host("client"), scene.hub.ipv4, "198.51.100.7")
    scene.reflector.start()
    client.connect()
    scene.reflector.wait_established([client.host.ipv4])
    first = scene.reflector.configuration_text()
    me = getpass.getuser()
    scene.reflector.groups["nodes"]["hold-time"] = 30
    scene.reflector.reload()
    second = scene.reflector.configuration_text()
    with t.case("the configuration of the start, and that of the reload, word for word"):
        wait_rows(scene, "SELECT text, who FROM config ORDER BY id",
                  lambda found: found == [(first, "start"), (second, "SIGHUP")], "both configurations in the journal")
    scene.reflector.text = second + "nonsense: 1\n"
    scene.reflector.reload()
    wait.until(lambda: scene.log_lines("reload-failed") or scene.log_lines("the old configuration stays"), 20, "the refusal")
    scene.reflector.text = None
    scene.reflector.configure()
    with t.case("who cleared a peer"):
        wait.until(lambda: client.host.ipv4 in scene.reflector.peers_shown(), 20, "the peer")
        scene.reflector.ask("clear", "peer", client.host.ipv4, "hard")
        wait_rows(scene, "SELECT who, action, detail FROM audit ORDER BY id",
                  lambda found: (me, "clear peer", f"{client.host.ipv4} hard") in found, "the row")
    client.disconnect()
    scene.reflector.ask("restart")
    wait_rows(scene, "SELECT count(*) FROM audit WHERE action = 'start'", lambda found: found == [(2,)], "the second start")
    scene.reflector.stop()
    with t.case("the whole trail, chained"):
        trail = [(who, action) for who, action in rows(scene, "SELECT who, action FROM audit ORDER BY id")]
        assert trail == [("start", "start"), ("SIGHUP", "config"), (me, "clear peer"), (me, "restart"), ("heliostatd", "stop"),
                         ("start", "start"), ("heliostatd", "stop")], f"found {trail}"
        status, output = verify(scene.path)
        assert status == 0, f"found {output}"
    with t.case("no configuration that was refused"):
        texts = [text for text, in rows(scene, "SELECT text FROM config")]
        assert len(texts) == 3 and all("nonsense" not in text for text in texts), f"found {len(texts)} configurations"


@suite.test
def another_table(t):
    """The router's ID changes under way: the table is a new one, and so is the state to restart from."""
    scene = Scene(t)
    scene.start()
    scene.wait_whole()
    scene.reflector.router_id = scene.reflector.cluster_id = "192.0.2.99"
    scene.reflector.reload()
    wait.until(lambda: scene.reflector.show("summary")["router-id"] == "192.0.2.99", 20, "the new ID")
    scene.settle()
    with t.case("history tells of the empty table"):
        wait_rows(scene, "SELECT restored FROM run ORDER BY id", lambda found: found == [(0,), (0,)], "a second run")
    with t.case("all of the new table comes back after kill -9, and nothing of the old"):
        scene.change(count=20)
        scene.wait_written()
        fault = scene.kill_and_look()
        assert not fault, fault
    scene.settle()
    scene.end(cold=True)  # every session was reset for the new ID


@suite.test
def settings(t):
    """History can be switched off under way; another path waits for the next start, and says so."""
    scene = Scene(t)
    scene.start()
    scene.wait_whole()
    scene.reflector.journal["history"] = 0
    before = scene.reflector.show("summary")["reloads"]
    scene.reflector.reload()
    wait.until(lambda: scene.reflector.show("summary")["reloads"] > before, 20, "the reload")
    with t.case("no history from here on, the state all the same"):
        last = rows(scene, "SELECT max(time) FROM history")[0][0] or 0
        scene.wait_whole()
        found = rows(scene, f"SELECT count(*) FROM history WHERE time > {last}")[0][0]
        assert found == 0, f"found {found} changes"
        paths = rows(scene, "SELECT count(*) FROM path")[0][0]
        assert paths == len(scene.announcer.announced), f"found {paths} paths"
    with t.case("another path is for the next start"):
        used = scene.path
        scene.reflector.journal["path"] = scene.hub.path("another.db")
        scene.reflector.reload()
        wait.until(lambda: scene.log_lines("journal.path changed: it takes effect at the next start"), 20, "the warning")
        assert scene.show()["path"] == used, f"found {scene.show()['path']}"
        scene.reflector.journal["path"] = used
        scene.reflector.configure()
    with t.case("without a section there is no journal, and it says so"):
        other = Heliostat(scene.lab.host("other"))
        other.start()
        answer = other.ask("show", "journal", check=False)
        assert answer == "" and other.show("summary")["journal"] is None, f"found {answer}"
        other.stop()
    scene.end()


suite.main(parallel=True)
