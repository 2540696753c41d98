#!/usr/bin/python3
"""A speaker without four-octet AS numbers among new ones: RFC 6793.

A border router of AS 4200000001 announces a route of its own and an aggregate. An old client must
get AS_TRANS in AS_PATH and AGGREGATOR with the truth in AS4_PATH and AS4_AGGREGATOR (section 4.2.2); what
the old client announces with AS4_PATH must reach new speakers put together again (section 4.2.3).
"""

from lib import suite, wait
from lib.bird import Bird2
from lib.capture import Capture
from lib.exabgp import ExaBgp
from lib.frr import Frr
from lib.gobgp import GoBgp
from lib.heliostat import Heliostat
from lib.route import Announcement

AS = 64512
AS_TRANS = 23456  # RFC 6793 section 9
FAR_AS = 4200000001
BEYOND_AS = 4200000099
NO_AS4 = "\tenable as4 off;\n"


class OldBird(Bird2):
    """BIRD 2 without the capability, with a route that has come over `BEYOND_AS` and 65010."""

    kind = "old bird2"
    path_text = f"bgp_path.prepend({BEYOND_AS}); bgp_path.prepend(65010);"

    def __init__(self, host, as_number, router_id, neighbors):
        super().__init__(host, as_number, router_id, neighbors, extra=NO_AS4)

    def routes_text(self, ipv6):
        text = super().routes_text(ipv6)
        return text.replace("bgp_origin", f"bgp_path = +empty+; {self.path_text} bgp_origin")


def aggregate_lines(router):
    router.ask("configure terminal", f"router bgp {FAR_AS}", "address-family ipv4 unicast",
               "aggregate-address 10.55.0.0/16")


def fields(capture, sender, receiver, name):
    shown = capture.tshark(f"bgp && ip.src == {sender} && ip.dst == {receiver} && {name}", "-T", "fields", "-e", name)
    return {value for line in shown.splitlines() for value in line.split(",") if value}


@suite.test
def as4_path(t):
    lab = t.lab()
    hub, outer, old, new, exa = (lab.host(name) for name in ("hub", "outer", "old", "new", "exa"))
    reflector = Heliostat(hub, as_number=AS, groups={
        "nodes": {"role": "client"}, "border": {"role": "external", "as": FAR_AS}}, peers=[
        {"address": outer.ipv4, "group": "border"},
        *({"address": each.ipv4, "group": "nodes"} for each in (old, new, exa))])
    capture = Capture(hub)
    capture.start()
    reflector.start()
    router = Frr(outer, FAR_AS, "198.51.100.2", [hub.ipv4], remote_as=AS)
    old_bird = OldBird(old, AS, "198.51.100.3", [hub.ipv4])
    gobgp = GoBgp(new, AS, "198.51.100.4", [hub.ipv4])
    old_exabgp = ExaBgp(exa, AS, "198.51.100.5", [hub.ipv4], asn4=False)
    for daemon in (router, old_bird, gobgp, old_exabgp):
        daemon.start()
    reflector.wait_established([each.ipv4 for each in (outer, old, new, exa)])
    router.announce(Announcement("10.55.1.0/24", "10.99.0.102", 5))
    aggregate_lines(router)
    old_bird.announce(Announcement("10.66.0.0/24", "10.99.0.103", 6))

    def path_at(daemon, prefix, expected):
        wait.until(lambda: [each.as_path for each in daemon.paths(prefix)] == [expected], 30,
                   f"{prefix} at {daemon.kind} with AS path {expected}", lambda: daemon.paths(prefix))

    with t.case("negotiated: old with two, new with four octets"):
        found = {each: reflector.peer(each.ipv4)["negotiated"]["as4"] for each in (outer, old, new, exa)}
        assert list(found.values()) == [True, False, True, False], f"found {found}"
    with t.case("the new client sees the AS path"):
        path_at(gobgp, "10.55.1.0/24", (FAR_AS,))
    with t.case("the old BIRD 2 puts AS_PATH and AS4_PATH together"):
        path_at(old_bird, "10.55.1.0/24", (FAR_AS,))
    with t.case("the old BIRD 2 sees the aggregator of AS4_AGGREGATOR"):
        wait.until(lambda: old_bird.paths("10.55.0.0/16"), 30, "the aggregate")
        shown = old_bird.ask("show", "route", "10.55.0.0/16", "all")
        assert f"BGP.aggregator: 198.51.100.2 AS{FAR_AS}" in shown, shown
    with t.case("the old ExaBGP has the route"):
        wait.until(lambda: old_exabgp.paths("10.55.1.0/24"), 30, "the route")
        assert old_exabgp.paths("10.55.1.0/24")[0].as_path[0] in (AS_TRANS, FAR_AS), old_exabgp.paths("10.55.1.0/24")
    with t.case("an AS path from the old client reaches the new one whole"):
        path_at(gobgp, "10.66.0.0/24", (65010, BEYOND_AS))
    with t.case("and the external one, behind our AS"):
        path_at(router, "10.66.0.0/24", (AS, 65010, BEYOND_AS))
    reflector.stop()
    capture.stop()
    for client in (old, exa):
        with t.case(f"on the wire to {client.name}: AS_TRANS, and AS4_PATH beside it"):
            two = fields(capture, hub.ipv4, client.ipv4, "bgp.update.path_attribute.as_path_segment.as2")
            four = fields(capture, hub.ipv4, client.ipv4, "bgp.update.path_attribute.as_path_segment.as4")
            assert str(AS_TRANS) in two and str(FAR_AS) in four, f"found two-octet {two}, four-octet {four}"
    with t.case("on the wire to the new client: four octets, no AS_TRANS"):
        two = fields(capture, hub.ipv4, new.ipv4, "bgp.update.path_attribute.as_path_segment.as2")
        four = fields(capture, hub.ipv4, new.ipv4, "bgp.update.path_attribute.as_path_segment.as4")
        assert str(FAR_AS) in four and str(AS_TRANS) not in two | four, f"found two-octet {two}, four-octet {four}"
    with t.case("tshark finds nothing malformed"):
        assert capture.message_types([hub.ipv4])[2] >= 8, capture.message_types([hub.ipv4])
        faults = capture.faults([hub.ipv4])
        assert not faults, f"{faults[:10]}"


suite.main(parallel=True)
