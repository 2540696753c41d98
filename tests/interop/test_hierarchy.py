#!/usr/bin/python3
"""Two reflectors of one cluster, two clusters in a hierarchy, a client wired to both: issue "Shows" 3.

    top (cluster 203.0.113.2): clients east, west, p, x
    east and west (one cluster, 203.0.113.1; non-clients of each other): clients c1, c2, and x at east;
    top is their non-client, and so is n, which is a non-client of all three: non-clients are a full mesh.

RFC 4456 section 7: a route that comes back to its cluster is dropped by its CLUSTER_LIST, and one that comes back to
its originator by its ORIGINATOR_ID, so every route arrives everywhere and none goes round.
"""

from lib import suite, wait
from lib.bird import Bird2
from lib.frr import Frr
from lib.heliostat import Heliostat, updates_sent
from lib.route import Announcement

AS = 64512
LOWER, UPPER = "203.0.113.1", "203.0.113.2"
GROUPS = {"clients": {"role": "client"}, "others": {"role": "non-client"}}


def announcements(daemon):
    n = daemon.host.number
    return (Announcement(f"10.{n}.0.0/24", f"10.99.0.{100 + n}", n), Announcement(f"fd00:{n}::/64", f"fd00:99::{100 + n}", n))


class Hierarchy:
    def __init__(self, t):
        lab = t.lab()
        hosts = {name: lab.host(name) for name in ("top", "east", "west", "c1", "c2", "n", "p", "x")}
        self.hosts = hosts

        def reflector(name, cluster_id, clients, others):
            return Heliostat(hosts[name], as_number=AS, cluster_id=cluster_id, groups=GROUPS, peers=[
                *({"address": hosts[each].ipv4, "group": "clients"} for each in clients),
                *({"address": hosts[each].ipv4, "group": "others"} for each in others)])
        self.reflectors = {
            "top": reflector("top", UPPER, ("east", "west", "p", "x"), ("n",)),
            "east": reflector("east", LOWER, ("c1", "c2", "x"), ("west", "top", "n")),
            "west": reflector("west", LOWER, ("c1", "c2"), ("east", "top", "n"))}
        self.wiring = {"c1": ("east", "west"), "c2": ("east", "west"), "n": ("east", "west", "top"), "p": ("top",),
                       "x": ("top", "east")}
        self.speakers = {}
        for name, reflectors in self.wiring.items():
            kind = Frr if name == "c2" else Bird2
            self.speakers[name] = kind(hosts[name], AS, f"198.51.100.{hosts[name].number}",
                                       [hosts[each].ipv4 for each in reflectors])

    def start(self):
        for reflector in self.reflectors.values():
            reflector.start()
        for speaker in self.speakers.values():
            speaker.start()
        for reflector in self.reflectors.values():
            reflector.wait_established([each["address"] for each in reflector.peers])

    def updates(self):
        """Every UPDATE counter of every reflector; KEEPALIVEs are not in it."""
        return {(name, address): (updates_sent(peer), peer["messages-received"]["update"])
                for name, reflector in self.reflectors.items() for address, peer in reflector.peers_shown().items()}

    def fault(self, announcer, far):
        """What is wrong with the announcer's routes at `far`; empty when they are there, each of them whole."""
        for sent in announcements(self.speakers[announcer]):
            paths = self.speakers[far].paths(sent.prefix)
            if not paths:
                return f"{sent.prefix} of {announcer} is missing"
            for path in paths:
                if path.next_hop != sent.next_hop or path.originator_id not in (self.speakers[announcer].router_id, None):
                    return f"{sent.prefix} of {announcer} is {path}"
                if len(set(path.cluster_list)) != len(path.cluster_list):
                    return f"{sent.prefix} of {announcer} went round: {path.cluster_list}"
        return ""


def every_route(t, hierarchy, phase):
    for announcer in hierarchy.speakers:
        for far in hierarchy.speakers:
            if announcer != far:
                with t.case(f"{phase}: {announcer} to {far}"):
                    wait.until(lambda a=announcer, f=far: not hierarchy.fault(a, f), 40, "every route",
                               lambda a=announcer, f=far: hierarchy.fault(a, f))


@suite.test
def two_clusters(t):
    hierarchy = Hierarchy(t)
    hierarchy.start()
    for speaker in hierarchy.speakers.values():
        for each in announcements(speaker):
            speaker.announce(each)
    every_route(t, hierarchy, "announced")
    with t.case("no UPDATE circulates after convergence: counters stand still for 10 s"):
        found = wait.still(hierarchy.updates, 10, "the UPDATE counters", 60)
        assert all(sent > 0 for sent, _ in found.values()), f"counters that never moved: {found}"
    with t.case("the reflectors of one cluster dropped each other's reflections"):
        dropped = hierarchy.reflectors["west"].peer(hierarchy.hosts["east"].ipv4)["dropped"]
        assert dropped["cluster-loop"] > 0, f"found {dropped}"
    with t.case("a withdraw at a client of both clusters goes everywhere"):
        for each in announcements(hierarchy.speakers["x"]):
            hierarchy.speakers["x"].withdraw(each.prefix)
        for far in ("c1", "c2", "n", "p"):
            for each in announcements(hierarchy.speakers["x"]):
                wait.until(lambda f=far, e=each: not hierarchy.speakers[f].paths(e.prefix), 30, f"{far} without {each.prefix}")
    with t.case("counters stand still for 10 s after the withdraw"):
        wait.still(hierarchy.updates, 10, "the UPDATE counters", 60)
    with t.case("the loss of a reflector: its cluster mate carries on"):
        hierarchy.reflectors["east"].stop()
        for far, announcer in (("p", "c1"), ("c2", "c1"), ("c1", "p"), ("c1", "c2")):
            wait.until(lambda f=far, a=announcer: not hierarchy.fault(a, f), 40, f"{announcer}'s routes at {far}")
    for name in ("west", "top"):
        hierarchy.reflectors[name].stop()


suite.main(parallel=True)
