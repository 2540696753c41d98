#!/usr/bin/python3
"""Graceful Restart (RFC 4724, RFC 8538) and its long-lived form (RFC 9494) with the reflector as the one that helps: real
clients are killed and come back, end their sessions with and without a NOTIFICATION, or do not come back at all. A
recorder beside them is told every UPDATE: what it never sees withdrawn was never lost."""

import signal

from lib import lab, suite, wait
from lib.bird import Bird2
from lib.frr import Frr
from lib.gobgp import GoBgp
from lib.heliostat import Heliostat
from lib.recorder import Recorder
from lib.route import Announcement

AS = 64512
KEPT, CHANGED, GONE, NEW = ("10.20.1.0/24", "10.20.2.0/24", "10.20.3.0/24", "10.20.4.0/24")
KEPT6 = "fd00:20:1::/48"
LLGR_STALE = "65535:6"


def announcement(prefix, med=None):
    return Announcement(prefix, "fd00:99::77" if ":" in prefix else "10.99.0.77", med=med)


class Setup:
    """A reflector, the client under test, and a recorder."""

    def __init__(self, t, client, *, restart_time=60, group=None, router=None, send="capable"):
        self.lab = t.lab()
        self.hub = self.lab.host("hub")
        host = self.lab.host("client")
        self.client = client(host, AS, "198.51.100.2", [self.hub.ipv4])
        self.reflector = Heliostat(self.hub, as_number=AS, router={"restart-time": restart_time, **(router or {})},
                                   groups={"clients": {"role": "client", "connect-retry": 2, **(group or {})},
                                           "watchers": {"role": "client",
                                                        "long-lived-graceful-restart": {"send": send}}})
        watcher = self.lab.host("watcher")
        self.reflector.peers = [{"address": host.ipv4, "group": "clients"},
                                {"address": watcher.ipv4, "group": "watchers", "passive": True}]
        self.recorder = Recorder(watcher, self.hub.ipv4, "198.51.100.3")
        self.reflector.start()
        self.client.start()
        self.recorder.connect()
        self.reflector.wait_established([host.ipv4, watcher.ipv4])
        wait.until(lambda: self.client.established(self.hub.ipv4), 30, "the client's view of its session")
        self.announce(KEPT, CHANGED, GONE, KEPT6)
        self.see(KEPT, CHANGED, GONE, KEPT6)

    @property
    def address(self):
        return self.client.host.ipv4

    def shown(self):
        return self.reflector.peer(self.address)

    def announce(self, *prefixes, med=None):
        for prefix in prefixes:
            self.client.announce(announcement(prefix, med))

    def see(self, *prefixes):
        wait.until(lambda: all(each in self.recorder.table for each in prefixes), 30, f"the recorder to have {prefixes}",
                   lambda: sorted(self.recorder.table))

    def miss(self, *prefixes, seconds=60):
        wait.until(lambda: not any(each in self.recorder.table for each in prefixes), seconds,
                   f"the recorder to lose {prefixes}", lambda: sorted(self.recorder.table))

    def withdrawn(self):
        """The prefixes that the recorder ever saw withdrawn."""
        with self.recorder.lock:
            return sorted({each.prefix for each in self.recorder.events if each.kind == "withdrawn"})

    def stale(self):
        """The prefixes that `show routes` marks."""
        return sorted(each["prefix"] for each in self.reflector.show("routes")["routes"] if each["stale"])

    def wait_stale(self, *prefixes):
        wait.until(lambda: self.stale() == sorted(prefixes), 60, f"{prefixes} to be stale", self.stale)

    def link(self, state):
        lab.command(["ip", "-n", self.client.host.namespace, "link", "set", "eth0", state])
        if state == "up":
            # What the interface loses on its way down.
            lab.command(["ip", "-n", self.client.host.namespace, "addr", "replace",
                         f"{self.client.host.ipv6}/64", "dev", "eth0", "nodad"])

    def start_again(self, *prefixes, changed=None):
        """The client comes back with these routes before it can reach anybody."""
        self.link("down")
        self.client.announced = {each: announcement(each) for each in prefixes}
        if changed:
            self.client.announced[changed] = announcement(changed, 99)
        routes = list(self.client.announced.values())
        self.client.start(recover=True)
        if self.client.kind != "bird2":  # its routes are in its configuration
            wait.until(self.client.answers, 30, "the client to answer")
            for each in routes:
                self.client.announce(each)
        self.link("up")

    def stop(self):
        self.recorder.disconnect()
        self.reflector.stop()


def bird(extra, channel=""):
    """BIRD 2 with lines of its own in each BGP protocol and in each channel."""
    class Restarting(Bird2):
        def bgp(self, name, neighbor, export, more):
            text = super().bgp(name, neighbor, export, more)
            return text.replace("import all;", f"import all; {channel}")
    return lambda *words: Restarting(*words, extra=extra)


BIRD = bird("\tgraceful restart on;\n\tgraceful restart time 60;\n")


def frr(*lines):
    return lambda *words: Frr(*words, bgp_lines=["bgp graceful-restart", "bgp graceful-restart restart-time 60",
                                                 "bgp graceful-restart preserve-fw-state", *lines])


def gobgp(**options):
    return lambda *words: GoBgp(*words, restart_time=60, **options)


CLIENTS = {"bird2": BIRD, "frr": frr(), "gobgp": gobgp()}


def restarts(t, kind, quietly):
    """Killed with -9 and back with other routes: only the difference is seen by others. `quietly`: its end of the
    connection vanishes, and the reflector hears of it by the next connection alone."""
    setup = Setup(t, CLIENTS[kind])
    if not quietly:
        setup.client.kill()
    else:
        setup.link("down")
        setup.client.kill()
    with t.case("its routes stay, stale" if not quietly else "the reflector has not noticed"):
        if quietly:
            assert setup.reflector.established(setup.address), setup.shown()
            assert setup.stale() == []
        else:
            setup.wait_stale(KEPT, CHANGED, GONE, KEPT6)
            shown = setup.shown()["stale"]
            assert shown["paths"] == {"ipv4-unicast": 3, "ipv6-unicast": 1}, shown
            assert not shown["session"] and 0 < shown["seconds-left"] <= 60, shown
            assert "(stale)" in setup.reflector.ask("show", "peers")
            received = setup.reflector.show("routes", "peer", setup.address, "received")["routes"]
            assert len(received) == 4 and all(each["stale"] for each in received), received
            assert setup.reflector.show("summary")["stale-paths"] == {"ipv4-unicast": 3, "ipv6-unicast": 1}
        assert setup.withdrawn() == [], setup.withdrawn()
    with t.case("what it has no more is withdrawn, what it has stays"):
        setup.start_again(KEPT, NEW, KEPT6, changed=CHANGED)
        setup.miss(GONE)
        setup.see(KEPT, CHANGED, NEW, KEPT6)
        wait.until(lambda: setup.recorder.table[CHANGED].sequence == 99, 30, "the new MED")
        wait.until(lambda: setup.stale() == [] and setup.shown()["stale"] is None, 90, "nothing to be stale", setup.stale)
        assert setup.withdrawn() == [GONE], setup.withdrawn()
        assert setup.reflector.peer(setup.address)["established-count"] == 2
    setup.stop()


for each in CLIENTS:
    for how in (False, True):
        def run(t, kind=each, quietly=how):
            restarts(t, kind, quietly)
        run.__name__ = f"{each}_killed_{'unnoticed' if how else 'and_back'}"
        suite.test(run)


@suite.test
def expiry(t):
    setup = Setup(t, bird("\tgraceful restart on;\n\tgraceful restart time 3;\n"))
    with t.case("a client that does not come back loses its routes when its restart time is over"):
        setup.client.kill()
        setup.wait_stale(KEPT, CHANGED, GONE, KEPT6)
        setup.miss(KEPT, CHANGED, GONE, KEPT6)
        assert "not back within its restart time" in setup.reflector.process.output()
        assert setup.shown()["stale"] is None, setup.shown()
    setup.stop()
    setup = Setup(t, bird("\tgraceful restart on;\n\tgraceful restart time 60;\n"), restart_time=3)
    with t.case("one that comes back and sends no End-of-RIB: the reflector's own time counts"):
        setup.client.kill()
        setup.wait_stale(KEPT, CHANGED, GONE, KEPT6)
        # The client's place is taken by a speaker with Graceful Restart and nothing to say.
        with_nothing = Recorder(setup.client.host, setup.hub.ipv4, "198.51.100.2", end_of_rib=False)
        with_nothing.connect()
        setup.miss(KEPT, CHANGED, GONE, KEPT6)
        assert "no End-of-RIB in time" in setup.reflector.process.output()
        assert setup.reflector.established(setup.address)
        with_nothing.disconnect()
    setup.stop()


@suite.test
def without_graceful_restart(t):
    with t.case("of the client"):
        setup = Setup(t, bird("\tgraceful restart off;\n"))
        assert setup.shown()["capabilities-received"]["graceful-restart"] is None, setup.shown()
        setup.client.kill()
        setup.miss(KEPT, CHANGED, GONE, KEPT6)
        setup.stop()
    with t.case("of its group"):
        setup = Setup(t, BIRD, group={"graceful-restart": False})
        assert setup.shown()["capabilities-sent"]["graceful-restart"] is None, setup.shown()
        setup.client.kill()
        setup.miss(KEPT, CHANGED, GONE, KEPT6)
        setup.stop()


@suite.test
def notifications(t):
    with t.case("without the N bit a NOTIFICATION ends it all"):
        setup = Setup(t, BIRD)
        negotiated = setup.shown()["negotiated"]
        if negotiated["graceful-notification"]:
            t.skip("this BIRD has the N bit")
        setup.client.ask("disable", "rr1")
        setup.miss(KEPT, CHANGED, GONE, KEPT6)
        assert "received Cease/" in setup.shown()["last-down"], setup.shown()
        setup.stop()
    with t.case("with it the routes stay over a NOTIFICATION"):
        setup = Setup(t, frr("no bgp hard-administrative-reset"))
        assert setup.shown()["negotiated"]["graceful-notification"], setup.shown()["negotiated"]
        setup.client.ask(f"clear bgp {setup.hub.ipv4}")
        wait.until(lambda: setup.shown()["established-count"] == 2, 30, "the second session", setup.shown)
        assert "received Cease/Administrative Reset" in setup.shown()["last-down"], setup.shown()["last-down"]
        wait.until(lambda: setup.shown()["stale"] is None, 60, "End-of-RIB", setup.shown)
        assert setup.withdrawn() == [], setup.withdrawn()
        setup.stop()
    with t.case("so they do when the hold time is over (RFC 8538 section 4)"):
        setup = Setup(t, frr(), group={"hold-time": 6})
        setup.client.process.signal(signal.SIGSTOP)
        setup.wait_stale(KEPT, CHANGED, GONE, KEPT6)
        assert "sent Hold Timer Expired" in setup.shown()["last-down"], setup.shown()["last-down"]
        setup.client.process.signal(signal.SIGCONT)
        wait.until(lambda: setup.shown()["established-count"] == 2 and setup.shown()["stale"] is None, 60,
                   "the client to be back", setup.shown)
        assert setup.withdrawn() == [], setup.withdrawn()
        setup.stop()
    with t.case("a Hard Reset of the client is one"):
        setup = Setup(t, frr())
        setup.client.ask(f"clear bgp {setup.hub.ipv4}")
        wait.until(lambda: setup.shown()["established-count"] == 2, 30, "the second session", setup.shown)
        assert "received Cease/Hard Reset (Cease/Administrative Reset)" in setup.shown()["last-down"]
        wait.until(lambda: KEPT in setup.withdrawn(), 30, "the withdraw", setup.withdrawn)
        setup.see(KEPT)
        setup.stop()
    with t.case("clear peer sends one, and nothing stays"):
        setup = Setup(t, frr())
        setup.reflector.ask("clear", "peer", setup.address)
        wait.until(lambda: setup.shown()["established-count"] == 2, 30, "the second session", setup.shown)
        assert "sent Cease/Hard Reset (Cease/Administrative Reset)" in setup.reflector.process.output()
        wait.until(lambda: "Hard Reset" in setup.client.process.output(), 20, "the Hard Reset at the client",
                   setup.client.process.output)
        wait.until(lambda: KEPT in setup.withdrawn(), 30, "the withdraw", setup.withdrawn)
        setup.stop()
    with t.case("clear peer without a session drops what is retained"):
        setup = Setup(t, BIRD)
        setup.client.kill()
        setup.wait_stale(KEPT, CHANGED, GONE, KEPT6)
        setup.reflector.ask("clear", "peer", setup.address)
        setup.miss(KEPT, CHANGED, GONE, KEPT6, seconds=20)
        setup.stop()


@suite.test
def reload_of_a_retained_peer(t):
    setup = Setup(t, BIRD)
    setup.client.kill()
    setup.wait_stale(KEPT, CHANGED, GONE, KEPT6)
    with t.case("a family less: its routes go at once"):
        setup.reflector.groups["clients"]["families"] = ["ipv4-unicast"]
        setup.reflector.reload()
        setup.miss(KEPT6)
        setup.wait_stale(KEPT, CHANGED, GONE)
    with t.case("another role: the routes are reflected by its rules"):
        # A non-client's routes go to clients; and, the watchers being non-clients too then, no further.
        setup.reflector.groups["clients"]["role"] = "non-client"
        setup.reflector.groups["watchers"]["role"] = "non-client"
        setup.reflector.reload()
        setup.miss(KEPT, CHANGED, GONE)
        setup.wait_stale(KEPT, CHANGED, GONE)
        setup.reflector.groups["clients"]["role"] = "client"
        setup.reflector.reload()
        setup.see(KEPT, CHANGED, GONE)
    with t.case("a peer that is no longer in the configuration"):
        setup.reflector.peers = setup.reflector.peers[1:]
        setup.reflector.reload()
        setup.miss(KEPT, CHANGED, GONE)
    setup.stop()


LONG = "\tgraceful restart on;\n\tgraceful restart time 2;\n\tlong lived graceful restart on;\n\tlong lived stale time 3600;\n"


@suite.test
def long_lived_stale(t):
    for name, client in {"bird2": bird(LONG), "gobgp": gobgp(long_lived_time=3600)}.items():
        setup = Setup(t, client, group={"long-lived-graceful-restart": {"ipv4-unicast": "1h", "ipv6-unicast": "1h"}},
                      send="all")
        with t.case(f"{name}: after the restart time its routes are long-lived stale"):
            assert setup.shown()["negotiated"]["long-lived-receive"] == ["ipv4-unicast", "ipv6-unicast"], setup.shown()
            setup.client.kill()
            wait.until(lambda s=setup: LLGR_STALE in s.recorder.table[KEPT].communities, 100, "LLGR_STALE",
                       lambda s=setup: s.recorder.table[KEPT])
            shown = setup.shown()["stale"]
            assert shown["long-lived-seconds-left"]["ipv4-unicast"] > 3000, shown
            # To a peer without the capability (RFC 9494 section 4.6).
            assert "65535:65281" in setup.recorder.table[KEPT].communities, setup.recorder.table[KEPT]
            assert all(each["long-lived-stale"] for each in setup.reflector.show("routes")["routes"])
        with t.case(f"{name}: back, they are as they were"):
            setup.start_again(KEPT, CHANGED, KEPT6)
            wait.until(lambda s=setup: LLGR_STALE not in s.recorder.table[KEPT].communities, 60, "no LLGR_STALE",
                       lambda s=setup: s.recorder.table[KEPT])
            setup.miss(GONE)
            assert setup.withdrawn() == [GONE], setup.withdrawn()
        setup.stop()


@suite.test
def long_lived_expiry(t):
    with t.case("the long-lived stale time of our configuration is the most that is granted"):
        setup = Setup(t, bird(LONG), group={"long-lived-graceful-restart": {"ipv4-unicast": 3}}, send="all")
        setup.client.kill()
        setup.miss(KEPT6)  # the family without one goes with the restart time
        setup.miss(KEPT, CHANGED, GONE)
        assert "the long-lived stale time is over" in setup.reflector.process.output()
        setup.stop()
    with t.case("send: capable keeps them from peers that do not know the community"):
        setup = Setup(t, bird(LONG), group={"long-lived-graceful-restart": {"ipv4-unicast": "1h"}})
        setup.client.kill()
        setup.miss(KEPT, CHANGED, GONE)
        assert len([each for each in setup.reflector.show("routes")["routes"] if each["long-lived-stale"]]) == 3
        setup.stop()


@suite.test
def stopping(t):
    setup = Setup(t, BIRD)
    with t.case("heliostat restart: the same process, its peers come back"):
        pid = setup.reflector.process.pid
        setup.reflector.ask("restart")
        wait.until(lambda: setup.reflector.process.output().count("heliostatd 0.1.0 started") == 2, 20, "the second start")
        wait.until(setup.reflector.answers, 20, "an answer")
        setup.reflector.wait_established([setup.address])
        assert setup.reflector.process.alive() and setup.reflector.process.pid == pid
        setup.see(KEPT, CHANGED, GONE, KEPT6)
    with t.case("refused while the configuration is faulty"):
        good = setup.reflector.configuration_text()
        with open(setup.reflector.file, "w") as file:
            file.write(good.replace("groups:", "groops:"))
        answer = setup.reflector.host.run([suite.build_path("heliostat"), "-s", setup.reflector.socket, "--json", "restart"],
                                          check=False)
        assert "done" not in answer and setup.reflector.established(setup.address), answer
        with open(setup.reflector.file, "w") as file:
            file.write(good)
    with t.case("SIGTERM ends it with status 0"):
        setup.reflector.process.signal_main(signal.SIGTERM)
        assert setup.reflector.process.wait() == 0
        setup.reflector.check_clean()
    with t.case("on-terminate: shutdown says so"):
        setup = Setup(t, BIRD, router={"on-terminate": "shutdown"})
        setup.reflector.process.signal_main(signal.SIGTERM)
        assert setup.reflector.process.wait() == 0
        wait.until(lambda: "Administrative shutdown" in setup.client.process.output(), 20, "Cease",
                   setup.client.process.output)


suite.main(parallel=True)
