#!/usr/bin/python3
"""Six real implementations as clients of one reflector at once: issue "Shows" 2.

Over each transport every daemon announces one prefix of each family, and each of the others must show it
in its own CLI as it was announced, with ORIGINATOR_ID and CLUSTER_LIST (RFC 4456 section 8); then
a withdraw, and then the loss of the announcer's session, must arrive everywhere. A case is one
(transport, family, announcer, far client) and holds all three. BIRD 1.6 speaks IPv4 over IPv4 and IPv6 over
IPv6 only: its two daemons are one a family.
"""

from lib import suite, wait
from lib.bird import Bird2, Bird16
from lib.capture import Capture
from lib.exabgp import ExaBgp
from lib.frr import Frr
from lib.gobgp import GoBgp
from lib.heliostat import Heliostat
from lib.openbgpd import OpenBgpd
from lib.route import Announcement

KINDS = (Bird16, Bird2, Frr, GoBgp, OpenBgpd, ExaBgp)
AS = 64512
CLUSTER_ID = "203.0.113.7"  # differs from the router ID, so that neither can stand for the other
UPDATE = 2


def announcement(daemon, family):
    n = daemon.host.number
    if family == "ipv4-unicast":
        return Announcement(f"10.{n}.0.0/24", f"10.99.0.{100 + n}", 1000 + n, (f"{AS}:{n}", "65000:4000"))
    return Announcement(f"fd00:{n}::/64", f"fd00:99::{100 + n}", 2000 + n, (f"{AS}:{n}", "65000:6000"))


def difference(paths, far, announcer, sent):
    """What `far` shows otherwise than expected; empty when the one path is right."""
    if len(paths) != 1:
        return f"{len(paths)} paths: {paths}" if paths else "no path"
    expected = {"next_hop": sent.next_hop, "med": sent.med, "communities": frozenset(sent.communities),
                "local_pref": 100, "origin": "igp", "as_path": (), "originator_id": announcer.router_id,
                "cluster_list": (CLUSTER_ID,), "peer": far.neighbors[0]}
    return ", ".join(f"{name} is {getattr(paths[0], name)}, expected {value}" for name, value in expected.items()
                     if getattr(paths[0], name) != value)


class Matrix:
    """One transport: the reflector, its clients, and what was found for each (announcer, far, family)."""

    def __init__(self, t, transport):
        self.t = t
        self.transport = transport
        self.lab = t.lab()
        self.hub = self.lab.host("hub")
        address = self.hub.ipv6 if transport == "ipv6" else self.hub.ipv4
        self.daemons = []
        for kind in KINDS:
            host = self.lab.host(kind.kind.replace(".", ""))
            options = {}
            if kind is Bird16:
                # As Calico's node it has Graceful Restart: its routes outlive it, here for no more than 5 s.
                options = {"families": [f"{transport}-unicast"], "extra": "\tgraceful restart time 5;\n"}
            self.daemons.append(kind(host, AS, f"198.51.100.{host.number}", [address], **options))
        plain = {"role": "client", "families": ["ipv4-unicast", "ipv6-unicast"]}
        calico = {"role": "client", "families": [f"{transport}-unicast"],
                  "add-path": {"receive": True, "send": "all"}}
        self.reflector = Heliostat(self.hub, as_number=AS, router_id="192.0.2.1", cluster_id=CLUSTER_ID,
                                   groups={"plain": plain, "calico": calico},
                                   peers=[{"address": self.address(each),
                                           "group": "calico" if isinstance(each, Bird16) else "plain"}
                                          for each in self.daemons])
        self.faults = {}
        for family in ("ipv4-unicast", "ipv6-unicast"):
            for announcer in self.daemons:
                for far in self.daemons:
                    if far is not announcer and family in announcer.families and family in far.families:
                        self.faults[(family, announcer, far)] = []

    def address(self, daemon):
        return daemon.host.ipv6 if self.transport == "ipv6" else daemon.host.ipv4

    def start(self):
        self.reflector.start()
        for daemon in self.daemons:
            daemon.start()
        self.reflector.wait_established([self.address(each) for each in self.daemons])
        for daemon in self.daemons:
            wait.until(lambda d=daemon: d.established(d.neighbors[0]), 30, f"{daemon.kind}'s own view of its session")

    def announce(self, daemon):
        for family in daemon.families:
            daemon.announce(announcement(daemon, family))

    def expect(self, phase, keys, fault):
        """Every key's fault(paths, key) must become empty; what remains is noted for its case."""
        left = {key: None for key in keys}

        def all_well():
            for far in self.daemons:
                mine = {key: announcement(key[1], key[0]).prefix for key in left if key[2] is far}
                shown = far.paths_of(mine.values()) if mine else {}
                for key, prefix in mine.items():
                    left[key] = fault(shown[prefix], *key)
                    if not left[key]:
                        del left[key]
            return not left
        try:
            wait.until(all_well, 30, phase)
        except wait.Expired as error:
            for key, found in left.items():
                self.faults[key].append(f"{error}; found {found}")

    @staticmethod
    def shown(paths, family, announcer, far):
        return difference(paths, far, announcer, announcement(announcer, family))

    @staticmethod
    def gone(paths, _family, _announcer, _far):
        return f"still {paths}" if paths else ""

    def withdraw_all(self):
        for daemon in self.daemons:
            for family in daemon.families:
                daemon.withdraw(announcement(daemon, family).prefix)

    def lose(self, announcer):
        """Kills the announcer, sees its routes go, and brings it back for the others' turn."""
        mine = [key for key in self.faults if key[1] is announcer]
        announcer.kill()
        self.expect(f"the routes of the killed {announcer.kind} to go", mine, self.gone)

    def report(self):
        for (family, announcer, far), faults in self.faults.items():
            name = f"{family} {announcer.kind} to {far.kind}"
            if faults:
                self.t.fail(name, "; ".join(faults))
            else:
                self.t.passed(name)


def run(t, transport):
    matrix = Matrix(t, transport)
    capture = Capture(matrix.hub)
    capture.start()
    matrix.start()
    for daemon in matrix.daemons:
        matrix.announce(daemon)
    matrix.expect("the announced route", matrix.faults, matrix.shown)
    matrix.withdraw_all()
    matrix.expect("the withdraw", matrix.faults, matrix.gone)
    for daemon in matrix.daemons:
        matrix.announce(daemon)
    matrix.expect("the route announced again", matrix.faults, matrix.shown)
    for daemon in matrix.daemons[:-1]:
        restart(matrix, daemon)
    matrix.lose(matrix.daemons[-1])
    matrix.report()
    with t.case("heliostatd ends cleanly"):
        matrix.reflector.stop()
    capture.stop()
    with t.case("tshark finds nothing malformed"):
        sent = [matrix.hub.ipv6 if transport == "ipv6" else matrix.hub.ipv4]
        counts = capture.message_types(sent)
        # Announced twice and withdrawn twice: four messages a case, fewer where they travel together.
        assert counts[UPDATE] >= 2 * len(matrix.faults), f"too few UPDATEs to judge by: {dict(counts)}"
        faults = capture.faults(sent)
        assert not faults, f"{len(faults)} faults: {faults[:10]}"


def restart(matrix, daemon):
    """Loss of a session, and the daemon's return with its routes."""
    matrix.lose(daemon)
    daemon.announced.clear()
    daemon.start()
    wait.until(lambda: daemon.established(daemon.neighbors[0]), 60, f"{daemon.kind} to come back")
    matrix.announce(daemon)
    mine = [key for key in matrix.faults if daemon in key[1:]]
    matrix.expect(f"the routes after {daemon.kind} came back", mine, matrix.shown)


@suite.test
def ipv4_transport(t):
    run(t, "ipv4")


@suite.test
def ipv6_transport(t):
    run(t, "ipv6")


SENDER = r"""
import socket, struct, sys
def message(kind, body):
    return b"\xff" * 16 + struct.pack(">HB", 19 + len(body), kind) + body
def update(attributes):
    return message(2, struct.pack(">HH", 0, len(attributes)) + attributes + b"\x18\x0a\x01\x01")
origin, path, hop = b"\x40\x01\x01\x00", b"\x40\x02\x00", b"\x40\x03\x04\x0a\x63\x00\x01"
# The last attribute says that it is longer than what is left of the message.
last = b"\x80\x04\x20\x00\x00\x00\x01" if sys.argv[2] == "bad" else b"\x80\x04\x04\x00\x00\x00\x01"
link = socket.create_connection((sys.argv[1], 179))
link.sendall(update(origin + path + hop) + update(origin + path + hop + last))
link.shutdown(socket.SHUT_WR)
link.recv(1)
"""
SINK = """
import socket
server = socket.create_server(("", 179))
print("ready", flush=True)
while True:
    link = server.accept()[0]
    while link.recv(65536):
        pass
    link.close()
"""


@suite.test
def the_dissector_tells_good_from_bad(t):
    """The check of what we send is worth something only if it can fail."""
    lab = t.lab()
    near, far = lab.host("near"), lab.host("far")
    sink = far.spawn(["/usr/bin/python3", "-c", SINK], "sink")
    wait.until(lambda: "ready" in sink.output(), 20, "the sink")
    for word in ("good", "bad"):
        capture = Capture(near, name=word)
        capture.start()
        near.run(["/usr/bin/python3", "-c", SENDER, far.ipv4, word])
        capture.stop()
        with t.case(word):
            faults = capture.faults([near.ipv4])
            assert bool(faults) == (word == "bad"), f"found {faults}"
            assert capture.message_types([near.ipv4])[UPDATE] == 2, capture.message_types([near.ipv4])
            assert not capture.faults([far.ipv4])


suite.main(parallel=True)
