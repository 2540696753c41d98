#!/usr/bin/python3
"""A reflector that is killed and comes back, and clients that do not notice: issue "Shows" 1.

Clients with Graceful Restart (BIRD 2 over IPv4 and over IPv6, FRR, GoBGP) and one without it (ExaBGP), some configured, some
dynamic. Their own tables are watched from before the reflector dies until it is whole again: each must hold
every route that somebody announced all the while, the routes of the client without Graceful Restart too.
"""

from lib import suite, wait
from lib.bird import Bird2
from lib.exabgp import ExaBgp
from lib.frr import Frr
from lib.gobgp import GoBgp
from lib.heliostat import Heliostat
from lib.recorder import Recorder
from lib.route import Announcement
from lib.watch import INTERVAL, LOGGED, Watch

AS = 64512
RESTART_TIME = 25  # seconds; what one of the clients that does not come back is waited for
PREFIXES = 3  # of each client and family


def announcements(daemon):
    n = daemon.host.number
    for k in range(1, PREFIXES + 1):
        yield Announcement(f"10.{n}.{k}.0/24", f"10.99.0.{100 + n}", n)
        yield Announcement(f"fd00:{n}:{k}::/64", f"fd00:99::{100 + n}", n)


class Clients:
    """`names` of those below; `graceful` False: a reflector that does not speak Graceful Restart."""

    def __init__(self, t, names, graceful=True, journal=True):
        lab = t.lab()
        self.hub = lab.host("hub")
        self.daemons = {name: self.make(name, lab.host(name)) for name in names}
        group = {"role": "client"} if graceful else {"role": "client", "graceful-restart": False}
        peers = [{"address": self.address(name), "group": "configured"} for name in self.daemons
                 if name in ("frr", "six", "dies")]
        # The rest are dynamic.
        self.reflector = Heliostat(self.hub, as_number=AS, journal=journal, peers=peers, router={"restart-time": RESTART_TIME},
                                   groups={"configured": group, "range": {**group, "dynamic": ["10.99.0.0/16"]}})

    def make(self, name, host):
        neighbor = self.hub.ipv6 if name == "six" else self.hub.ipv4
        words = (host, AS, f"198.51.100.{host.number}", [neighbor])
        if name == "frr":
            return Frr(*words, neighbor_lines=["neighbor {neighbor} graceful-restart"])
        if name == "gobgp":
            return GoBgp(*words, restart_time=120)
        if name == "exabgp":
            return ExaBgp(*words)
        return Bird2(*words, extra="\tgraceful restart on;\n" + LOGGED)

    def address(self, name):
        host = self.daemons[name].host
        return host.ipv6 if name == "six" else host.ipv4

    def start(self):
        self.reflector.start()
        for daemon in self.daemons.values():
            daemon.start()
        self.reflector.wait_established([self.address(name) for name in self.daemons], 90)
        for daemon in self.daemons.values():
            for each in announcements(daemon):
                daemon.announce(each)

    def fault(self, name, names):
        """What is wrong with the table of `name`, which is to hold what `names` announce, and nothing else."""
        wanted = {prefix: each for other in names if other != name for prefix, each in self.daemons[other].announced.items()}
        found = self.daemons[name].paths_of(sorted(wanted))
        for prefix, each in wanted.items():
            if [(path.next_hop, path.med) for path in found[prefix]] != [(each.next_hop, each.med)]:
                return f"{prefix} is {found[prefix]}, expected one with next hop {each.next_hop} and MED {each.med}"
        return ""

    def wait_tables(self, names, also_without=()):
        for name in names:
            wait.until(lambda n=name: not self.fault(n, names), 60, f"the table of {name}", lambda n=name: self.fault(n, names))
            for prefix in also_without:
                wait.until(lambda n=name, p=prefix: not self.daemons[n].paths(p), 60, f"{name} without {prefix}")

    def watch(self, names, required):
        return Watch([self.daemons[name] for name in names], required)


def prefixes_of(daemons):
    return {prefix for daemon in daemons for prefix in daemon.announced}


@suite.test
def killed(t):
    """kill -9; meanwhile one client dies, one announces a route more, one withdraws, one changes; then once more."""
    clients = Clients(t, ("bird", "six", "frr", "gobgp", "exabgp", "dies"))
    clients.start()
    everybody = list(clients.daemons)
    clients.wait_tables(everybody)
    survivors = [name for name in everybody if name != "dies"]
    graceful = [name for name in survivors if name != "exabgp"]
    withdrawn = f"10.{clients.daemons['gobgp'].host.number}.1.0/24"
    dead = sorted(clients.daemons["dies"].announced)
    required = prefixes_of(clients.daemons[name] for name in survivors) - {withdrawn}
    watch = clients.watch(graceful, required)
    watch.start()

    clients.reflector.kill()
    clients.daemons["dies"].kill()
    clients.daemons["frr"].announce(Announcement("10.200.0.0/24", "10.99.0.200", 7))
    clients.daemons["six"].announce(Announcement("fd00:200::/64", "fd00:99::200", 8))
    clients.daemons["gobgp"].withdraw(withdrawn)
    changed = Announcement(f"10.{clients.daemons['bird'].host.number}.1.0/24", "10.99.0.201", 9)
    clients.daemons["bird"].announce(changed)
    clients.reflector.start()
    with t.case("the client that died is still there, stale, before its time is over"):
        shown = {each["prefix"]: each for each in clients.reflector.show("routes")["routes"]}
        assert set(dead) <= shown.keys() and all(shown[each]["stale"] for each in dead), f"found {shown}"
    clients.reflector.wait_established([clients.address(name) for name in survivors], 90)
    with t.case("what was announced and changed while it was away is everywhere, what was withdrawn nowhere"):
        clients.wait_tables(survivors, [withdrawn])
    with t.case("the routes of the client that died go when the restart time ends"):
        clients.wait_tables(survivors, dead)

    # And again, with what the first restart restored and refreshed.
    clients.reflector.kill()
    clients.reflector.start()
    clients.reflector.wait_established([clients.address(name) for name in survivors], 90)
    with t.case("every table is right after a second time"):
        clients.wait_tables(survivors, [withdrawn, *dead])
        wait.until(lambda: not any(each["stale"] for each in clients.reflector.show("routes")["routes"]),
                   RESTART_TIME + 30, "the end of the restart", lambda: clients.reflector.ask("show", "routes"))
        clients.wait_tables(survivors, [withdrawn, *dead])
    watch.stop()
    t.note(watch.described())
    with t.case("every watcher watched"):
        watch.check()
    for name in graceful:
        with t.case(f"{name} never lost a route"):
            losses = [each for each in watch.losses if each.startswith(f"{name} ")]
            assert not losses, f"{len(losses)} losses: {losses[:4]}"
    with t.case("the reflector knows no route but those of its clients"):
        shown = {each["prefix"] for each in clients.reflector.show("routes")["routes"]}
        expected = prefixes_of(clients.daemons[name] for name in survivors)
        assert shown == expected, f"found {sorted(shown - expected)} more, {sorted(expected - shown)} missing"
    clients.reflector.stop()


@suite.test
def asked_to_restart(t):
    """SIGTERM and a new start, then `heliostat restart`: no one is told that a route is gone."""
    clients = Clients(t, ("bird", "frr", "gobgp", "exabgp"))
    clients.start()
    everybody = list(clients.daemons)
    graceful = [name for name in everybody if name != "exabgp"]
    addresses = [clients.address(name) for name in everybody]
    clients.wait_tables(everybody)
    watch = clients.watch(graceful, prefixes_of(clients.daemons.values()))
    watch.start()
    with t.case("SIGTERM ends it with status 0"):
        clients.reflector.stop()
    clients.reflector.start()
    clients.reflector.wait_established(addresses, 90)
    with t.case("every table is right after SIGTERM and a new start"):
        clients.wait_tables(everybody)
    before = clients.reflector.show("peers")["peers"]
    with t.case("heliostat restart"):
        clients.reflector.ask("restart")
        wait.until(lambda: restarted(clients.reflector), 30, "the daemon to restart", clients.reflector.process.output)
        clients.reflector.wait_established(addresses, 90)
        clients.wait_tables(everybody)
        assert len(clients.reflector.show("peers")["peers"]) == len(before), "found other peers than before"
    watch.stop()
    watch.check()
    t.note(watch.described())
    for name in graceful:
        with t.case(f"{name} never lost a route"):
            losses = [each for each in watch.losses if each.startswith(f"{name} ")]
            assert not losses, f"{len(losses)} losses: {losses[:4]}"
    clients.reflector.stop()


def restarted(reflector):
    """It has said "started" three times: at first, after SIGTERM, and now; and it answers."""
    return reflector.process.output().count(" started: ") == 3 and reflector.ask("show", "version", check=False) != ""


@suite.test
def the_watch_sees_a_hole(t):
    """A test of the test above: a route that is away for two intervals is missed by every watcher, and so is all that a
    restart without Graceful Restart costs."""
    clients = Clients(t, ("bird", "frr", "gobgp"), graceful=False)
    clients.start()
    clients.wait_tables(list(clients.daemons))
    announcer = Recorder(clients.hub.lab.host("announcer"), clients.hub.ipv4, "198.51.100.99", restart_time=None)
    hole = ["192.0.2.0/24"]
    announcer.announce(hole)
    announcer.connect()
    for daemon in clients.daemons.values():
        wait.until(lambda d=daemon: d.paths(hole[0]), 30, f"{hole[0]} at {daemon.host.name}")

    with t.case("two intervals"):
        seen = {}
        for _ in range(5):  # the machine may have had other things to do
            watch = clients.watch(list(clients.daemons), set(hole))
            watch.start()
            samples = [each.samples for each in watch.watchers]
            wait.until(lambda w=watch, s=samples: all(each.samples > n or each.name == "gobgp"
                                                     for each, n in zip(w.watchers, s)), 20, "a sample of each")
            announcer.withdraw(hole)
            watch.watchers[0].ending.wait(2 * INTERVAL)
            announcer.announce(hole)
            for daemon in clients.daemons.values():
                wait.until(lambda d=daemon: d.paths(hole[0]), 30, f"{hole[0]} at {daemon.host.name}")
            watch.stop()
            watch.check()
            for each in watch.watchers:
                seen.setdefault(each.name, []).extend(each.losses)
            if all(seen.values()):
                break
        assert all(seen.values()), f"a hole of {2 * INTERVAL} s was seen by {[name for name in seen if seen[name]]} only"
    with t.case("a restart without Graceful Restart"):
        watch = clients.watch(list(clients.daemons), prefixes_of(clients.daemons.values()))
        watch.start()
        clients.reflector.kill()
        # A start may take less than the time between two looks: it waits until each has looked at the hole.
        samples = [each.samples for each in watch.watchers]
        wait.until(lambda: all(each.samples > n + 2 or each.name == "gobgp"
                               for each, n in zip(watch.watchers, samples)), 20, "a look at the hole by each")
        clients.reflector.start()
        clients.wait_tables(list(clients.daemons))
        watch.stop()
        watch.check()
        blind = {each.name for each in watch.watchers if not each.losses}
        assert not blind, f"found that {blind} saw nothing"
    announcer.disconnect()
    clients.reflector.stop()


suite.main(parallel=True)
