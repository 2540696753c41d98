#!/usr/bin/python3
"""What an operator does to a running reflector, seen from real peers: reloads, faults, shutdown, roles."""

import os
import re
import signal

from lib import suite, wait
from lib.bird import Bird2
from lib.frr import Frr
from lib.heliostat import Heliostat
from lib.openbgpd import OpenBgpd
from lib.route import Announcement

AS = 64512
CLIENT = {"role": "client"}


class Setup:
    """A reflector and BIRD 2 peers a, b, c ...; `groups` names each one's group."""

    def __init__(self, t, groups, membership, kinds=(), router=None):
        self.lab = t.lab()
        self.hub = self.lab.host("hub")
        self.reflector = Heliostat(self.hub, as_number=AS, groups=groups, router=router)
        self.peers = {}
        for name, group in membership.items():
            kind = dict(kinds).get(name, Bird2)
            host = self.lab.host(name)
            self.peers[name] = kind(host, AS, f"198.51.100.{host.number}", [self.hub.ipv4])
            self.reflector.peers.append({"address": host.ipv4, "group": group})
        self.reflector.start()
        for peer in self.peers.values():
            peer.start()
        self.established(*self.peers)

    def address(self, name):
        return self.peers[name].host.ipv4

    def entry(self, name):
        """The peer's entry in the configuration."""
        return next(each for each in self.reflector.peers if each["address"] == self.address(name))

    def established(self, *names):
        self.reflector.wait_established([self.address(name) for name in names])
        for name in names:
            wait.until(lambda n=name: self.peers[n].established(self.hub.ipv4), 30, f"{name}'s view of its session")

    def sessions(self, *names):
        """What changes when a session is reset, as both ends tell it."""
        return {name: (self.peers[name].since(self.hub.ipv4),
                       self.reflector.peer(self.address(name))["established-count"]) for name in names}

    def announce(self, name):
        n = self.peers[name].host.number
        self.peers[name].announce(Announcement(prefix(n), f"10.99.0.{100 + n}"))

    def see(self, name, of):
        number = self.peers[of].host.number
        return wait.until(lambda: self.peers[name].paths(prefix(number)), 30, f"{name} to have the route of {of}")

    def miss(self, name, of):
        number = self.peers[of].host.number
        wait.until(lambda: not self.peers[name].paths(prefix(number)), 30, f"{name} to lose the route of {of}")


def prefix(number):
    return f"10.{number}.0.0/24"


def reload(setup):
    before = setup.reflector.show("summary")["reloads"]
    setup.reflector.reload()
    wait.until(lambda: setup.reflector.show("summary")["reloads"] > before, 30, "the reload",
               setup.reflector.process.output)


@suite.test
def reload_touches_only_what_changed(t):
    setup = Setup(t, {"one": dict(CLIENT), "two": dict(CLIENT)}, {"a": "one", "b": "one", "c": "two", "d": "two"})
    setup.announce("a")
    setup.see("b", "a")
    before = setup.sessions("a", "b", "c", "d")
    with t.case("a description and an unchanged file reset nothing"):
        setup.entry("b")["description"] = "rack 7"
        reload(setup)
        wait.until(lambda: setup.reflector.peer(setup.address("b")).get("description") == "rack 7", 20, "b's description")
        assert setup.sessions("a", "b", "c", "d") == before, f"sessions changed from {before}"
    with t.case("a peer that is removed is told so, the others stay"):
        setup.reflector.peers.remove(setup.entry("d"))
        reload(setup)
        wait.until(lambda: "Peer de-configured" in setup.peers["d"].process.output(), 30,
                   "Cease/Peer De-configured at d", setup.peers["d"].process.output)
        assert setup.address("d") not in setup.reflector.peers_shown(), "d is still shown"
        found = setup.sessions("a", "b", "c")
        assert found == {name: before[name] for name in "abc"}, f"found {found}, expected {before}"
    with t.case("a peer that is added comes up, the others stay"):
        setup.reflector.peers.append({"address": setup.address("d"), "group": "two"})
        reload(setup)
        setup.established("d")
        setup.see("d", "a")
        found = setup.sessions("a", "b", "c")
        assert found == {name: before[name] for name in "abc"}, f"found {found}, expected {before}"
    with t.case("a hold time that changes resets its group alone"):
        setup.reflector.groups["two"]["hold-time"] = 33
        reload(setup)
        wait.until(lambda: (setup.reflector.peer(setup.address("c")).get("negotiated") or {}).get("hold-time") == 33,
                   60, "c's new hold time")
        assert "Other configuration change" in setup.peers["c"].process.output(), setup.peers["c"].process.output()
        found = setup.sessions("a", "b")
        assert found == {name: before[name] for name in "ab"}, f"found {found}, expected {before}"
    setup.reflector.stop()


@suite.test
def bad_reload_keeps_the_old_configuration(t):
    setup = Setup(t, {"one": dict(CLIENT)}, {"a": "one", "b": "one"})
    setup.announce("a")
    setup.see("b", "a")
    before = setup.sessions("a", "b")
    shown = setup.reflector.ask("show", "config")
    good = setup.reflector.configuration_text()
    faults = {"an unknown key": (good.replace("groups:", "groops:"), "groops"),
              "a wrong type": (good.replace(f"as: {AS}", "as: many"), "many"),
              "broken YAML": (good + "\n  - ][\n", "")}
    for name, (text, named) in faults.items():
        with t.case(name):
            seen = len(setup.reflector.process.output())
            setup.reflector.text = text
            setup.reflector.reload()
            pattern = re.compile(re.escape(setup.reflector.file) + r":\d+:\d+: .*" + re.escape(named))
            wait.until(lambda s=seen, p=pattern: p.search(setup.reflector.process.output()[s:]), 30,
                       "the fault in the log", lambda s=seen: setup.reflector.process.output()[s:])
            assert setup.reflector.ask("show", "config") == shown, "the configuration changed"
            assert setup.sessions("a", "b") == before, "sessions were reset"
    with t.case("it goes on reflecting, and takes a good file again"):
        setup.announce("b")
        setup.see("a", "b")
        setup.reflector.text = None
        reload(setup)
        assert setup.sessions("a", "b") == before, "sessions were reset"
    setup.reflector.stop()


@suite.test
def unknown_peer_is_refused_and_counted(t):
    setup = Setup(t, {"one": dict(CLIENT)}, {"a": "one"})
    stranger = Bird2(setup.lab.host("stranger"), AS, "198.51.100.99", [setup.hub.ipv4])
    stranger.start()
    wait.until(lambda: setup.reflector.show("summary")["connections-refused"] >= 1, 30, "the refused connection")
    assert not stranger.established(setup.hub.ipv4)
    assert stranger.host.ipv4 in setup.reflector.process.output(), setup.reflector.process.output()
    assert stranger.host.ipv4 not in setup.reflector.peers_shown()
    setup.reflector.stop()


@suite.test
def faults_at_start(t):
    hub = t.lab().host("hub")
    first = Heliostat(hub, name="first")
    first.start()

    def fails(name, second, said):
        with t.case(name):
            second.launch()
            status = second.process.wait(30)
            output = second.process.output().strip()
            assert status == 1, f"found exit status {status}, expected 1: {output}"
            faults = output.splitlines()
            assert len(faults) == 1 and said in faults[0], f"expected one line with \"{said}\", found {output}"
    fails("port in use", Heliostat(hub, name="second"), "179")
    other = [{"address": "::", "port": 1790}]
    taken = Heliostat(hub, name="third", listen=other)
    taken.socket = first.socket
    fails("management socket in use", taken, first.socket)
    fails("an address that this machine does not have",
          Heliostat(hub, name="fourth", listen=[{"address": "192.0.2.77", "port": 1790}]), "192.0.2.77")
    bad = Heliostat(hub, text="router: { as: 64512, id: 10.0.0.1, clustr-id: 10.0.0.1 }\n", name="fifth")
    fails("an unknown key, with the nearest valid one", bad, "cluster-id")
    with t.case("a missing file"):
        process = hub.spawn(first.argv("-c", hub.path("absent.yaml")), "absent", env=first.environment())
        assert process.wait(30) == 1 and "absent.yaml" in process.output(), process.output()
    with t.case("the first one is not disturbed"):
        assert first.show("version")
        first.stop()
    with t.case("its port and socket can be taken at once after it"):
        again = Heliostat(hub, name="first")
        again.start()
        again.stop()
        assert not os.path.exists(again.socket), f"{again.socket} was left behind"


@suite.test
def role_changes_without_a_reset(t):
    groups = {"inner": dict(CLIENT), "outer": {"role": "non-client"}, "moved": dict(CLIENT)}
    setup = Setup(t, groups, {"a": "moved", "b": "outer", "c": "inner"})
    for name in "abc":
        setup.announce(name)
    for far, of in ("ab", "ac", "ba", "bc", "ca", "cb"):
        setup.see(far, of)
    before = setup.sessions("a", "b", "c")
    with t.case("client to non-client: its exchange with non-clients ends"):
        setup.reflector.groups["moved"]["role"] = "non-client"
        reload(setup)
        setup.miss("b", "a")
        setup.miss("a", "b")
        for far, of in ("ac", "ca", "bc", "cb"):
            setup.see(far, of)
    with t.case("non-client to client: it begins again"):
        setup.reflector.groups["moved"]["role"] = "client"
        reload(setup)
        setup.see("b", "a")
        path = setup.see("a", "b")[0]
        assert path.originator_id == setup.peers["b"].router_id, f"found {path}"
    with t.case("next-hop self and back"):
        setup.reflector.groups["moved"]["next-hop"] = "self"
        reload(setup)
        wait.until(lambda: setup.see("a", "c")[0].next_hop == setup.hub.ipv4, 30, "the reflector as next hop at a",
                   lambda: setup.see("a", "c"))
        assert setup.see("b", "c")[0].next_hop == f"10.99.0.{100 + setup.peers['c'].host.number}"
        setup.reflector.groups["moved"]["next-hop"] = "keep"
        reload(setup)
        wait.until(lambda: setup.see("a", "c")[0].next_hop != setup.hub.ipv4, 30, "the next hop kept again at a")
    with t.case("another group with another role"):
        setup.entry("a")["group"] = "outer"
        reload(setup)
        setup.miss("b", "a")
        setup.see("c", "a")
    with t.case("no session was reset"):
        found = setup.sessions("a", "b", "c")
        assert found == before, f"found {found}, expected {before}"
    setup.reflector.stop()


@suite.test
def sigterm_as_an_administrative_shutdown(t):
    setup = Setup(t, {"one": dict(CLIENT)}, {"bird2": "one", "frr": "one", "openbgpd": "one"},
                  {"frr": Frr, "openbgpd": OpenBgpd}.items(), {"on-terminate": "shutdown"})
    with t.case("exit status 0, nothing leaked"):
        setup.reflector.stop()
    for name, words in {"bird2": "Administrative shutdown", "frr": "Cease/Administrative Shutdown",
                        "openbgpd": "Cease, administratively down"}.items():
        with t.case(f"{name} received Cease/Administrative Shutdown"):
            wait.until(lambda n=name, w=words: w in setup.peers[n].process.output(), 30, words,
                       setup.peers[name].process.output)


@suite.test
def hold_timer_expires_for_a_stopped_peer(t):
    setup = Setup(t, {"one": {"role": "client", "hold-time": 6}}, {"a": "one", "b": "one"})
    for name in "ab":
        setup.announce(name)
    setup.see("b", "a")
    setup.see("a", "b")
    setup.peers["a"].process.signal(signal.SIGSTOP)
    try:
        with t.case("its routes go"):
            setup.miss("b", "a")
            wait.until(lambda: "hold timer" in setup.reflector.peer(setup.address("a")).get("last-down", "").lower(),
                       20, "the reason in show peers", lambda: setup.reflector.peer(setup.address("a")))
    finally:
        setup.peers["a"].process.signal(signal.SIGCONT)
    with t.case("it is told, and comes back"):
        wait.until(lambda: "Hold timer expired" in setup.peers["a"].process.output(), 30, "the NOTIFICATION at a",
                   setup.peers["a"].process.output)
        setup.established("a")
        setup.see("b", "a")
        setup.see("a", "b")
    with t.case("the other session is not touched"):
        assert setup.reflector.peer(setup.address("b"))["established-count"] == 1
    setup.reflector.stop()


@suite.test
def external_peer(t):
    lab = t.lab()
    hub, inner, outer = lab.host("hub"), lab.host("inner"), lab.host("outer")
    reflector = Heliostat(hub, as_number=AS, groups={
        "nodes": dict(CLIENT), "border": {"role": "external", "as": 65001}}, peers=[
        {"address": inner.ipv4, "group": "nodes"}, {"address": outer.ipv4, "group": "border"}])
    reflector.start()
    node = Bird2(inner, AS, "198.51.100.2", [hub.ipv4])
    router = Frr(outer, 65001, "198.51.100.3", [hub.ipv4], remote_as=AS)
    node.start()
    router.start()
    reflector.wait_established([inner.ipv4, outer.ipv4])
    sent = {family: Announcement(prefix_, hop, 77, ("64512:5",)) for family, prefix_, hop in
            (("ipv4", "10.2.0.0/24", "10.99.0.102"), ("ipv6", "fd00:2::/64", "fd00:99::102"))}
    back = {family: Announcement(prefix_, hop, 88, ("65001:6",)) for family, prefix_, hop in
            (("ipv4", "10.3.0.0/24", "10.99.0.103"), ("ipv6", "fd00:3::/64", "fd00:99::103"))}
    own = {"ipv4": hub.ipv4, "ipv6": hub.ipv6}
    # FRR puts itself in as next hop towards another AS, whatever the route had.
    for family, words in (("ipv4", "ip next-hop"), ("ipv6", "ipv6 next-hop global")):
        router.ask("configure terminal", f"route-map OUT{family} permit 10", f"set {words} {back[family].next_hop}", "exit",
                   f"router bgp {router.as_number}", f"address-family {family} unicast",
                   f"neighbor {hub.ipv4} route-map OUT{family} out")
    for family in sent:
        node.announce(sent[family])
        router.announce(back[family])

    def shown(daemon, announcement, expected):
        def fault():
            paths = daemon.paths(announcement.prefix)
            if len(paths) != 1:
                return f"found {len(paths)} paths"
            return ", ".join(f"{name} is {getattr(paths[0], name)}, expected {value}"
                             for name, value in expected.items() if getattr(paths[0], name) != value)
        wait.until(lambda: not fault(), 30, f"the route at {daemon.kind}", fault)

    for family in sent:
        with t.case(f"{family} outwards: AS prepended, next hop self, nothing of RFC 4456, no LOCAL_PREF"):
            shown(router, sent[family], {"as_path": (AS,), "next_hop": own[family], "local_pref": None,
                                         "originator_id": None, "cluster_list": (), "origin": "igp",
                                         "communities": frozenset(("64512:5",))})
        with t.case(f"{family} inwards: AS path and next hop of the border router, LOCAL_PREF 100"):
            shown(node, back[family], {"as_path": (65001,), "next_hop": back[family].next_hop, "local_pref": 100,
                                       "med": 88, "communities": frozenset(("65001:6",)), "cluster_list": ()})
    before = router.since(hub.ipv4)
    reflector.groups["border"]["next-hop"] = "keep"
    reflector.reload()
    for family in sent:
        with t.case(f"{family} outwards with next-hop keep, after a reload"):
            shown(router, sent[family], {"as_path": (AS,), "next_hop": sent[family].next_hop, "originator_id": None})
    with t.case("without a reset"):
        assert router.since(hub.ipv4) == before and reflector.peer(outer.ipv4)["established-count"] == 1
    with t.case("loss of the border router"):
        router.kill()
        for family in back:
            wait.until(lambda f=family: not node.paths(back[f].prefix), 30, "the external route to go")
    reflector.stop()


suite.main(parallel=True)
