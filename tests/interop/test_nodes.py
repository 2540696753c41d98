#!/usr/bin/python3
"""500 dynamic clients that connect at once, half over IPv4 and half over IPv6, with 10 prefixes of each family."""

import ipaddress
import os

from lib import suite
from lib.heliostat import Heliostat
from lib.speaker import Speaker, dump

CLIENTS = 500
PREFIXES = 10  # of each family and client
HALVES = (("four", "10.98.0.1", "10.201.0.1"), ("six", "fd00:98::1", "10.202.0.1"))


def name_of(number):
    half = CLIENTS // 2
    return ("four", number) if number < half else ("six", number - half)


def prefixes_of(number):
    """What client `number` announces, as the script below says it."""
    group, index = name_of(number)
    first4 = ipaddress.ip_address("10.244.0.0" if group == "four" else "10.245.0.0")
    first6 = ipaddress.ip_address("fd00:10:244::" if group == "four" else "fd00:10:245::")
    for k in range(index * PREFIXES, (index + 1) * PREFIXES):
        yield f"{first4 + k * 16}/28"
        yield f"{first6 + (k << 64)}/64"


def expected_at(client):
    """{prefix: (next hop, originator)} of everybody else."""
    table = {}
    for number in range(CLIENTS):
        group, index = name_of(number)
        hops = ("10.211.0.1", "fd00:211::1") if group == "four" else ("10.212.0.1", "fd00:212::1")
        originator = str(ipaddress.ip_address(dict((h[0], h[2]) for h in HALVES)[group]) + index)
        for prefix in prefixes_of(number) if number != client else ():
            table[prefix] = (str(ipaddress.ip_address(hops[":" in prefix]) + index), originator)
    return table


def script(hub):
    half = CLIENTS // 2
    lines = []
    for (group, address, bgp_id), octet in zip(HALVES, (4, 5)):
        hop = octet + 207
        lines += [f"peers {group} {half} from {address} as 64512 id-from {bgp_id}",
                  f"announce {group} 10.24{octet}.0.0/28 count {PREFIXES} next-hop 10.{hop}.0.1+ community 64512:{octet}",
                  f"announce {group} fd00:10:24{octet}::/64 count {PREFIXES} next-hop fd00:{hop}::1+ med {octet}"]
    for group, target in (("four", hub.ipv4), ("six", hub.ipv6)):
        lines += [f"target {target} 179", f"connect {group}"]
    return lines


@suite.test
def five_hundred_at_once(t):
    lab = t.lab()
    hub, host = lab.host("hub"), lab.host("nodes")
    reflector = Heliostat(hub, groups={"nodes": {"role": "client", "dynamic": ["10.98.0.0/16", "fd00:98::/64"]}})
    reflector.start()
    speakers = Speaker(host)
    speakers.route_addresses("10.98.0.0/16", "fd00:98::/64", hub)
    speakers.start()
    speakers.tell("events off", *script(hub))
    for group, _, _ in HALVES:
        speakers.tell(f"wait established {group} timeout 120")
    for group, _, _ in HALVES:
        speakers.tell(f"wait prefixes {group} {(CLIENTS - 1) * 2 * PREFIXES} timeout 120")
    speakers.tell("wait quiet 500 timeout 60")

    compared = 0
    for group, _, _ in HALVES:
        with t.case(f"every client of {group} has every other client's prefixes, none of its own"):
            answer = speakers.ask(f"check {group} cluster-id {reflector.cluster_id}")
            compared += answer["compared"]
    with t.case("all pairs were compared"):
        assert compared == CLIENTS * (CLIENTS - 1) * 2 * PREFIXES, f"found {compared} comparisons"
    for number in (0, CLIENTS // 2 - 1, CLIENTS // 2, CLIENTS - 1):
        group, index = name_of(number)
        with t.case(f"next hops and originators at {group}[{index}]"):
            path = host.path(f"{group}-{index}")
            speakers.tell(f"dump {group}[{index}] {path}")
            found = {prefix: (row["next-hop"], row["originator-id"]) for (prefix, _), row in dump(path).items()}
            expected = expected_at(number)
            wrong = [f"{prefix}: found {found.get(prefix)}, expected {expected.get(prefix)}"
                     for prefix in sorted(found.keys() | expected.keys()) if found.get(prefix) != expected.get(prefix)]
            assert not wrong, f"{len(wrong)} differences, the first {wrong[0]}"
            os.unlink(path)
    with t.case("one update group"):
        groups = reflector.show("groups")["groups"]
        assert [each["peers"] for each in groups] == [CLIENTS], f"found {groups}"
    with t.case("a client that leaves takes its prefixes along"):
        speakers.tell("close four[7] reset", f"wait prefixes four[0..6] {(CLIENTS - 2) * 2 * PREFIXES} timeout 60",
                      f"wait prefixes six {(CLIENTS - 2) * 2 * PREFIXES} timeout 60", "wait quiet 300 timeout 60",
                      f"check six cluster-id {reflector.cluster_id}")
    speakers.stop()
    reflector.stop()


suite.main()
