#!/usr/bin/python3
"""What the journal answers, held against what was done: two peers announce, change and withdraw a known sequence of routes;
every answer of show history prefix, show history peer and show routes at is compared with a model of it, also after a kill -9
and after a start without the table of before."""

import collections
import datetime
import ipaddress
import time

from lib import suite, wait
from lib.heliostat import Heliostat
from lib.speaker import Speaker

A, B = "10.98.0.1", "10.98.0.2"
NODES = {A: "nodes[0]", B: "nodes[1]"}
OUTER, INNER, SIXTH = "10.50.0.0/16", "10.50.7.0/24", "fd00:50::/48"
CLOCK_GRAIN = 0.02  # a time of the journal may be that much older than what caused it

Path = collections.namedtuple("Path", "peer next_hop as_path local_pref med")
# `earliest` and `latest`: when it happened, in seconds since 1970
Change = collections.namedtuple("Change", "prefix cause peer old new earliest latest")
Event = collections.namedtuple("Event", "peer what earliest latest")
Table = collections.namedtuple("Table", "at best")


def seconds(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def time_word(at):
    """A time as the shell takes it, in UTC."""
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def path_of(shown):
    return shown and Path(shown["peer"], shown["next-hop"], shown["as-path"], shown["local-pref"], shown["med"])


class Story:
    """The two peers, the reflector, and the model of what has become of the table and when."""

    def __init__(self, hub, speaker):
        self.hub = hub
        self.speaker = speaker
        self.paths = {OUTER: {}, INNER: {}, SIXTH: {}}
        self.best = {}
        self.changes = []
        self.events = []
        self.tables = []

    def now_best(self):
        """LOCAL_PREF alone decides in this story."""
        best = {}
        for prefix, paths in self.paths.items():
            if paths:
                best[prefix] = max(paths.values(), key=lambda path: path.local_pref)
        return best

    def shown_best(self):
        rows = self.hub.show("routes")["routes"]
        return {row["prefix"]: path_of(row) for row in rows if row["best"]}

    def step(self, commands, cause, peer, events=()):
        """One thing happens: `commands` are carried out, and self.paths says already what there is then."""
        wait.until(lambda: not self.tables or time.time() > self.tables[-1].at + 2 * CLOCK_GRAIN, 5, "the clock to go on")
        earliest = time.time() - CLOCK_GRAIN
        for command in commands:
            self.speaker.ask(command)
        best = self.now_best()
        wait.until(lambda: self.shown_best() == best, 20, f"the best paths after {commands}",
                   lambda: f"{self.shown_best()}, expected {best}")
        for each in events:
            wait.until(lambda each=each: (self.hub.peer(each.peer).get("state") == "Established") ==
                       (each.what == "Established"), 20, f"{each.peer} {each.what}")
        latest = time.time()
        for prefix in self.paths:
            if self.best.get(prefix) != best.get(prefix):
                self.changes.append(Change(prefix, cause, peer, self.best.get(prefix), best.get(prefix), earliest, latest))
        self.events += [each._replace(earliest=earliest, latest=latest) for each in events]
        self.best = best
        self.tables.append(Table(latest, dict(best)))

    # What happens.

    def announce(self, peer, prefix, local_pref, cause="announced", as_path="65001", med=None):
        hop = "fd00:98::7" if ":" in prefix else "192.0.2.7"
        self.paths[prefix][peer] = Path(peer, hop, as_path, local_pref, med)
        self.step([f'announce {NODES[peer]} {prefix} same next-hop {hop} local-pref {local_pref} as-path "{as_path}"' +
                   (f" med {med}" if med is not None else "")], cause, peer)

    def withdraw(self, peer, prefix):
        del self.paths[prefix][peer]
        self.step([f"withdraw {NODES[peer]} {prefix} same"], "withdrawn", peer)

    def leave(self, peer):
        self.away = {prefix: paths.pop(peer) for prefix, paths in self.paths.items() if peer in paths}
        self.step([f"close {NODES[peer]} notification", f"wait down {NODES[peer]}"], "peer-down", peer,
                  [Event(peer, "received", 0, 0), Event(peer, "Idle", 0, 0)])

    def come_back(self, peer):
        for prefix, path in self.away.items():
            self.paths[prefix][peer] = path
        self.step([f"connect {NODES[peer]}", f"wait established {NODES[peer]}"], "announced", peer,
                  [Event(peer, "Established", 0, 0)])

    def durable(self):
        """All that happened is in the file."""
        def waiting():
            shown = self.hub.show("journal")
            return shown["waiting-paths"] + shown["waiting-history"] + shown["batches-waiting"]
        wait.until(lambda: waiting() == 0, 20, "the journal to be written", waiting)

    def reconnect(self):
        """Both announce again what they have announced before, and it is there still."""
        self.step(["wait down nodes", "connect nodes", "wait established nodes"], None, None,
                  [Event(peer, "Established", 0, 0) for peer in NODES])

    def reconnect_anew(self, began):
        """One after the other, so that it is known who announces first, to a reflector that began with an empty table."""
        self.best = {}
        self.tables.append(Table(began, {}))
        paths = self.paths
        self.paths = {prefix: {peer: path for peer, path in each.items() if peer == B} for prefix, each in paths.items()}
        self.step(["wait down nodes", f"connect {NODES[B]}", f"wait established {NODES[B]}"], "announced", B,
                  [Event(B, "Established", 0, 0)])
        self.paths = paths
        self.step([f"connect {NODES[A]}", f"wait established {NODES[A]}"], "announced", A, [Event(A, "Established", 0, 0)])

    # The answers.

    def check_change(self, shown, change):
        found = (shown["prefix"], shown["cause"], shown["peer"], path_of(shown["old"]), path_of(shown["new"]))
        assert found == change[:5], f"found {found}, expected {change[:5]}"
        at = seconds(shown["time"])
        assert change.earliest <= at <= change.latest, f"{found} at {at}, expected from {change.earliest} to {change.latest}"

    def history(self, prefix, *words):
        return self.hub.show("history", "prefix", prefix, *words)["history"]

    def check_prefix(self, prefix, *words, since=0.0, until=9e9, limit=None, starts=()):
        """`starts`: when the reflector began with an empty table, each (earliest, latest)."""
        expected = [each for each in self.changes if each.prefix == prefix and since < each.earliest and each.latest <= until]
        expected = expected[-limit:] if limit else expected
        rows = self.history(prefix, *words)
        changes = [row for row in rows if row["type"] == "change"]
        assert len(changes) == len(expected), f"{prefix} {words}: found {changes}, expected {expected}"
        for shown, change in zip(changes, expected):
            self.check_change(shown, change)
        times = [row["time"] for row in rows]
        assert times == sorted(times), f"{prefix} {words}: not in order: {times}"
        found = [row for row in rows if row["type"] != "change"]
        assert [row["type"] for row in found] == ["start"] * len(starts), f"{prefix} {words}: found {found}"
        for row, (earliest, latest) in zip(found, starts):
            assert row["restored"] is False and earliest <= seconds(row["time"]) <= latest, f"found {row}"

    def check_peer(self, peer):
        rows = [row for row in self.hub.show("history", "peer", peer)["history"] if row["type"] == "event"]
        found = [(row["event"] == "notification-received" and "received" or row["state"], seconds(row["time"])) for row in rows]
        found = [each for each in found if each[0] in ("received", "Established", "Idle")]
        expected = [each for each in self.events if each.peer == peer]
        assert [each[0] for each in found] == [each.what for each in expected], f"{peer}: found {rows}, expected {expected}"
        for (what, at), each in zip(found, expected):
            assert each.earliest <= at <= each.latest, f"{peer}: {what} at {at}, expected {each}"

    def routes_at(self, at, *words):
        answer = self.hub.show("routes", *words, "at", time_word(at))
        assert abs(seconds(answer["at"]) - at) < 0.001
        return {row["prefix"]: path_of(row) for row in answer["routes"]}, answer["gaps"]

    def check_table(self, table):
        def check(words, expected):
            found, gaps = self.routes_at(table.at, *words)
            assert found == expected, f"show routes {words} at {time_word(table.at)}: found {found}, expected {expected}"
            assert gaps == [], f"found {gaps}"
        check([], table.best)
        check(["family", "ipv6-unicast"], {key: path for key, path in table.best.items() if ":" in key})
        for prefix in self.paths:
            check([prefix], {key: path for key, path in table.best.items() if key == prefix})
        check([OUTER, "longer"], {key: path for key, path in table.best.items() if ":" not in key})
        matches = [key for key in (INNER, OUTER) if key in table.best]
        check(["10.50.7.9"], {matches[0]: table.best[matches[0]]} if matches else {})
        check(["10.50.7.9", "exact"], {})

    def check_all(self, starts):
        self.durable()
        for prefix in self.paths:
            self.check_prefix(prefix, starts=starts)
        for table in self.tables:
            self.check_table(table)
        for peer in NODES:
            self.check_peer(peer)

    def check_spans(self, starts):
        """since, until and limit at every boundary of the first prefix, as times and as so long ago."""
        changes = [each for each in self.changes if each.prefix == OUTER]
        for table in self.tables:
            after = [each for each in starts if each[0] > table.at]
            self.check_prefix(OUTER, "since", time_word(table.at), since=table.at, starts=after)
            before = [each for each in starts if each[1] <= table.at]
            self.check_prefix(OUTER, "until", time_word(table.at), until=table.at, starts=before)
        for limit in range(1, len(changes) + 2):
            after = starts if limit > len(changes) else [each for each in starts if each[0] > changes[-limit].latest]
            self.check_prefix(OUTER, "limit", str(limit), limit=limit, starts=after)
        self.check_prefix(OUTER, "since", "-1h", "until", "now", starts=starts)
        text = self.hub.ask("show", "history", "prefix", OUTER)
        assert f"\n{len(changes)} changes; " in text, text


def tell(story):
    """What happens. Each cause comes up, each way that a path can be lost and won."""
    story.announce(A, OUTER, 100)
    story.announce(B, OUTER, 200, as_path="65002 65003")
    story.announce(A, OUTER, 100, med=9)  # not the best: no change
    story.announce(B, OUTER, 200, "changed", as_path="65002 65003", med=7)
    story.announce(B, INNER, 100)
    story.announce(B, SIXTH, 100, as_path="65002")
    story.announce(A, SIXTH, 90)
    story.announce(B, OUTER, 50, "changed")  # loses to A
    story.withdraw(A, OUTER)
    story.announce(A, OUTER, 300)
    story.leave(B)
    story.announce(A, OUTER, 300, "changed", as_path="65009")
    story.come_back(B)
    story.withdraw(A, OUTER)
    story.withdraw(B, INNER)


def begin(t):
    lab = t.lab()
    hub_host = lab.host("hub")
    clients = lab.host("clients")
    hub = Heliostat(hub_host, groups={"clients": {"role": "client", "dynamic": ["10.98.0.0/16"]}}, journal=True)
    speaker = Speaker(clients)
    speaker.route_addresses("10.98.0.0/16", None, hub_host)
    earliest = time.time() - CLOCK_GRAIN
    hub.start()
    start = (earliest, time.time())
    speaker.start()
    speaker.tell(f"target {hub_host.ipv4} 179", f"peers nodes 2 from {A} as 64512 id-from {A}")
    story = Story(hub, speaker)
    story.step(["connect nodes", "wait established nodes"], None, None,
               [Event(A, "Established", 0, 0), Event(B, "Established", 0, 0)])
    return hub, speaker, story, start


def check_gaps(t, story, expected):
    with t.case("starts"):
        found = [(row["type"], row["restored"]) for row in story.hub.show("history", "gaps")["gaps"]]
        assert found == [("start", each) for each in expected], f"found {found}, expected {expected}"


@suite.test
def sequence(t):
    hub, speaker, story, start = begin(t)
    with t.case("answers"):
        tell(story)
        story.check_all([start])
    with t.case("spans"):
        story.check_spans([start])
    with t.case("text"):
        text = hub.ask("show", "history", "prefix", SIXTH)
        assert "announced" in text and "peer-down" in text and "heliostatd started with an empty table" in text, text
        assert "65002" in text and "fd00:98::7" in text, text
        text = hub.ask("show", "routes", "at", time_word(story.tables[-1].at))
        assert f"{len(story.best)} best path" in text, text
    with t.case("the file"):
        exported = hub.host.run([suite.build_path("heliostat"), "journal", "export", "-f", hub.journal["path"]])
        assert exported.count('{"type":"change",') == len(story.changes), exported
        hub.host.run([suite.build_path("heliostat"), "journal", "verify", "-f", hub.journal["path"]])

    with t.case("killed and restored"):
        killed = time.time()
        hub.kill()
        hub.start()
        back = time.time()
        wait.until(lambda: story.shown_best() == story.best, 20, "the table to be there again", story.shown_best)
        # Nothing happened that would be history: the paths are there, and are announced again.
        changes = len(story.changes)
        story.reconnect()
        story.tables.append(Table(back, dict(story.best)))
        assert len(story.changes) == changes
        story.check_all([start])
        found, gaps = story.routes_at((killed + back) / 2)
        assert found == story.best, f"while it was away: found {found}"
        assert all(row["type"] == "start" and row["restored"] for row in gaps), f"found {gaps}"
    check_gaps(t, story, [False, True])

    with t.case("goes on"):
        story.announce(A, OUTER, 400, as_path="65010")
        story.withdraw(A, OUTER)
        story.check_all([start])
        story.check_spans([start])

    with t.case("started anew"):
        hub.stop()
        hub.journal["restore-max-age"] = 0
        earliest = time.time() - CLOCK_GRAIN
        hub.start()
        anew = (earliest, time.time())
        # At SIGTERM the sessions were closed by the reflector.
        story.events += [Event(peer, "Idle", back, earliest + CLOCK_GRAIN) for peer in NODES]
        story.reconnect_anew(anew[1])
        story.check_all([start, anew])
        story.check_spans([start, anew])
    check_gaps(t, story, [False, True, False])
    speaker.stop()
    hub.stop()


@suite.test
def without_a_journal(t):
    hub_host = t.lab().host("hub")
    hub = Heliostat(hub_host)
    hub.start()
    for words in (["show", "history", "gaps"], ["show", "routes", "at", "-1m"]):
        fault = hub.host.run(["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", suite.build_path("heliostat"), "-s", hub.socket, *words],
                             check=False)
        assert "no journal is kept" in fault, fault
    hub.stop()


if __name__ == "__main__":
    assert ipaddress.ip_network(INNER).subnet_of(ipaddress.ip_network(OUTER))
    suite.main()
