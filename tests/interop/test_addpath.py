#!/usr/bin/python3
"""One service address on many nodes, end to end with ADD-PATH (RFC 7911): issue "Shows" 6.

50 speakers announce the same /32 and /128, each with itself as next hop; 50 others and a real BIRD 1.6 in the style of
Calico's nodes (`add paths on`) must have all 50 paths of both. A withdraw by one takes one path away and
touches nothing else: no other path changes, and no client is sent more than that one message.
"""

import os
import re

from lib import suite, wait
from lib.bird import Bird16
from lib.heliostat import Heliostat, updates_sent
from lib.speaker import Speaker, dump

AS = 64512
COUNT = 50
V4, V6 = "192.0.2.53/32", "fd00:53::53/128"
LEAVER = 17


def stamps(bird, prefix):
    """{next hop: second of the day in which BIRD got the path}: an announcement of it, even of the same, would renew it."""
    shown = bird.ask("show", "route", prefix, "all")
    found = {}
    for part in re.split(r"\n(?=\S|\s+(?:via|unreachable|blackhole) )", shown):
        when = re.search(r"\[rr1 (?:\S+ )?(\d+):(\d+):(\d+) from ", part)
        hop = re.search(r"BGP\.next_hop: (\S+)", part)
        if when and hop:
            assert hop[1] not in found, f"two paths with next hop {hop[1]}"
            found[hop[1]] = (int(when[1]) * 60 + int(when[2])) * 60 + int(when[3])
    return found


def expect_same_age(before, after):
    """BIRD derives the time shown from two clocks of whole seconds, so it may differ by one from look to look."""
    assert after.keys() == before.keys(), f"these came or went: {sorted(after.keys() ^ before.keys())}"
    renewed = [hop for hop in after if (after[hop] - before[hop] + 1) % 86400 > 2]
    assert not renewed, f"these were announced again: {renewed}"


def tables(speakers, folder):
    """What each of the far speakers holds."""
    os.makedirs(folder)
    speakers.tell(f"dump far {folder}")
    found = [dump(os.path.join(folder, name)) for name in sorted(os.listdir(folder))]
    assert len(found) == COUNT, f"dumped {len(found)} tables, expected {COUNT}"
    return found


def sent_counts(reflector):
    return {address: updates_sent(peer) for address, peer in reflector.peers_shown().items()}


class Setup:
    def __init__(self, t):
        self.lab = t.lab()
        self.hub, self.host = self.lab.host("hub"), self.lab.host("nodes")
        self.bird4_host, self.bird6_host = self.lab.host("calico4"), self.lab.host("calico6")
        both = {"receive": True, "send": "all"}
        group = {"role": "client", "add-path": both}
        self.reflector = Heliostat(self.hub, as_number=AS, groups={
            "nodes": {**group, "dynamic": ["10.98.0.0/16", "fd00:98::/64"]},
            "calico4": {**group, "families": ["ipv4-unicast"]}, "calico6": {**group, "families": ["ipv6-unicast"]}},
            peers=[{"address": self.bird4_host.ipv4, "group": "calico4"},
                   {"address": self.bird6_host.ipv6, "group": "calico6"}])
        self.speakers = Speaker(self.host)
        self.bird4 = Bird16(self.bird4_host, AS, "198.51.100.4", [self.hub.ipv4], families=["ipv4-unicast"])
        self.bird6 = Bird16(self.bird6_host, AS, "198.51.100.6", [self.hub.ipv6], families=["ipv6-unicast"])

    def start(self):
        self.reflector.start()
        self.bird4.start()
        self.bird6.start()
        self.speakers.route_addresses("10.98.0.0/16", "fd00:98::/64", self.hub)
        self.speakers.start()
        self.speakers.tell(
            "events off", f"target {self.hub.ipv4} 179",
            f"peers near {COUNT} from 10.98.1.1 as {AS} id-from 10.98.1.1 add-path both",
            f"peers far {COUNT} from 10.98.2.1 as {AS} id-from 10.98.2.1 add-path both",
            f"announce near {V4} same next-hop 10.98.1.1+ community {AS}:53",
            f"announce near {V6} same next-hop fd00:98::1:1+ community {AS}:53",
            "connect near", "connect far", "wait established near timeout 90", "wait established far timeout 90")
        self.reflector.wait_established([self.bird4_host.ipv4, self.bird6_host.ipv6], 90)

    def birds_have(self, count):
        for bird, prefix in ((self.bird4, V4), (self.bird6, V6)):
            wait.until(lambda b=bird, p=prefix: len(stamps(b, p)) == count, 60, f"{count} paths in {bird.daemon}",
                       lambda b=bird, p=prefix: len(stamps(b, p)))


def expect_table(table, leaver=None):
    """Every near speaker's path of both prefixes, each with its next hop and originator."""
    expected = {}
    for n in range(1, COUNT + 1):
        for prefix, hop in ((V4, f"10.98.1.{n}"), (V6, f"fd00:98::1:{n:x}")):
            if not (n == leaver and prefix == V4):
                expected[(prefix, hop)] = f"10.98.1.{n}"
    found = {(prefix, row["next-hop"]): row["originator-id"] for (prefix, _), row in table.items()}
    assert len(found) == len(table), f"{len(table)} paths with {len(found)} next hops"
    wrong = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    assert not wrong, f"{len(wrong)} paths differ, the first {wrong[0]}: found {found.get(wrong[0])}, " \
                      f"expected {expected.get(wrong[0])}"
    assert {row["cluster-list"] for row in table.values()} == {"192.0.2.1"}, "CLUSTER_LIST is not ours alone"


@suite.test
def service_address(t):
    setup = Setup(t)
    setup.start()
    speakers = setup.speakers
    with t.case(f"{COUNT} other speakers have all {COUNT} paths of both prefixes"):
        speakers.tell(f"wait prefixes far {2 * COUNT} timeout 90", "wait quiet 500 timeout 60")
        before = tables(speakers, setup.host.path("before"))
        for table in before:
            expect_table(table)
    with t.case("BIRD 1.6 with `add paths on` has all of them"):
        setup.birds_have(COUNT)
        # A path that changed while its client joined may come twice: in the walk and in the log.
        # Still for so long that a path announced again from here on is seen to be younger.
        sent = wait.still(lambda: sent_counts(setup.reflector), 3, "the UPDATE counters", 60)
        before4, before6 = stamps(setup.bird4, V4), stamps(setup.bird6, V6)
        assert set(before4) == {f"10.98.1.{n}" for n in range(1, COUNT + 1)}, f"found {sorted(before4)}"
        assert set(before6) == {f"fd00:98::1:{n:x}" for n in range(1, COUNT + 1)}, f"found {sorted(before6)}"

    speakers.tell(f"withdraw near[{LEAVER - 1}] {V4} same", f"wait prefixes far {2 * COUNT - 1} timeout 60",
                  "wait quiet 500 timeout 60")
    with t.case("the withdraw of one announcer removes one path at every speaker, the others stay as they were"):
        after = tables(speakers, setup.host.path("after"))
        gone = f"10.98.1.{LEAVER}"
        for old, new in zip(before, after):
            expect_table(new, LEAVER)
            missing = [key for key in old if key not in new]
            assert [old[key]["next-hop"] for key in missing] == [gone], f"these went: {missing}"
            changed = [key for key in new if old.get(key) != new[key]]
            assert not changed, f"these changed: {changed}"
    with t.case("the same at BIRD 1.6, with the age of every other path"):
        wait.until(lambda: len(stamps(setup.bird4, V4)) == COUNT - 1, 30, "one path fewer in bird")
        expect_same_age({hop: when for hop, when in before4.items() if hop != gone}, stamps(setup.bird4, V4))
        expect_same_age(before6, stamps(setup.bird6, V6))
    with t.case("one UPDATE to every client that had the path, none to BIRD's IPv6 daemon"):
        found = wait.still(lambda: sent_counts(setup.reflector), 1, "the UPDATE counters", 60)
        more = {address: found[address] - sent[address] for address in found}
        # Split horizon: the announcer never had the path from us.
        announcer = more.pop(gone)
        assert announcer == 0, f"{announcer} UPDATEs to the announcer"
        assert more.pop(setup.bird6_host.ipv6) == 0, "an UPDATE for the family that was not touched"
        wrong = {address: count for address, count in more.items() if count != 1}
        assert not wrong, f"UPDATEs sent since the withdraw: {wrong}, expected one each"
    with t.case("the loss of an announcer's session takes its paths of both families"):
        speakers.tell("close near[0] reset", f"wait prefixes far {2 * COUNT - 3} timeout 60")
        wait.until(lambda: "10.98.1.1" not in stamps(setup.bird4, V4) and "fd00:98::1:1" not in stamps(setup.bird6, V6),
                   30, "the paths to go from bird and bird6")
    speakers.stop()
    setup.reflector.stop()


suite.main(parallel=True)
