#!/usr/bin/python3
"""A real Internet table, sent in by one speaker a feed, reflected to BIRD 2 and FRR and compared path by path with the file.

HELIOSTAT_MRT=FILE names another MRT table (TABLE_DUMP_V2, plain or bzip2). What BIRD and FRR hold is taken from MRT files
that they write themselves; those and the original are read by bgpdump.
"""

import os
import time

from lib import suite, table, wait
from lib.bird import Bird2
from lib.frr import Frr
from lib.heliostat import Heliostat
from lib.speaker import Speaker

AS_NUMBER = 4200064512  # private, 4 octets: in no real AS path, so nothing is an AS loop
FAMILIES = ("ipv4-unicast", "ipv6-unicast")


def path_length(as_path):
    """RFC 4271 section 9.1.2.2 a: an AS_SET counts one."""
    return len(as_path.split())


def preference(feed, route):
    """The decision among paths of different neighbor ASes, best first: AS_PATH length, ORIGIN, BGP Identifier."""
    return path_length(route.as_path), ("IGP", "EGP", "INCOMPLETE").index(route.origin), feed


def neighbor_as(route):
    first = route.as_path.split(" ")[0]
    return int(first) if first.isdigit() else None


def best_of(paths):
    """RFC 4271 section 9.1.2.2 with MED compared within a neighbor AS, before the last tie-break."""
    shortest = min(preference(feed, route)[:2] for feed, route in paths)
    paths = [each for each in paths if preference(*each)[:2] == shortest]
    lowest = {}
    for _, route in paths:
        lowest[neighbor_as(route)] = min(route.med, lowest.get(neighbor_as(route), route.med))
    paths = [each for each in paths if each[1].med == lowest[neighbor_as(each[1])]]
    return min(paths, key=lambda each: each[0])[1]


def as_received(route):
    """RFC 7607 section 2: an AGGREGATOR of AS 0 is malformed and, by RFC 7606 section 7.7, dropped; the real table has some."""
    return route._replace(aggregator="") if route.aggregator.startswith("0 ") else route


def expected_table(path, feeds):
    """{prefix: best Route} of the file; `feeds` are the peers' addresses in the order of the speakers."""
    number = {address: n for n, address in enumerate(feeds)}
    paths = {}
    for peer, prefix, route in table.read(path):
        assert str(AS_NUMBER) not in route.as_path, f"{prefix}: the table holds AS {AS_NUMBER}, which the test uses"
        paths.setdefault(prefix, []).append((number[peer.address], as_received(route)))
    return {prefix: best_of(each) for prefix, each in paths.items()}


def dumped_table(path):
    found = {}
    for _, prefix, route in table.read(path):
        assert prefix not in found, f"{prefix}: two paths of one reflector"
        found[prefix] = route
    return found


def compare(expected, found):
    assert len(found) == len(expected), f"found {len(found)} prefixes, expected {len(expected)}; for example " \
        f"{sorted(found.keys() ^ expected.keys())[:3]}"
    wrong = [prefix for prefix, route in expected.items() if found.get(prefix) != route]
    assert not wrong, f"{len(wrong)} of {len(expected)} paths differ; {wrong[0]}: found {found.get(wrong[0])}, " \
        f"expected {expected[wrong[0]]}"


def bird_count(bird, which):
    """Routes of one of BIRD's tables."""
    for line in bird.ask("show", "route", "table", which, "count", check=False).splitlines():
        if " of " in line and "routes" in line:
            return int(line.split(" of ")[0].split()[-1])
    return 0


def frr_count(frr, neighbor, family):
    summary = frr.neighbor_json(neighbor).get("addressFamilyInfo", {})
    return summary.get({"ipv4-unicast": "ipv4Unicast", "ipv6-unicast": "ipv6Unicast"}[family], {}).get(
        "acceptedPrefixCounter", 0)


def bird_table(bird, host):
    found = {}
    for which in ("master4", "master6"):
        path = host.path(f"{which}.mrt")
        bird.ask("mrt", "dump", "table", f'"{which}"', "to", f'"{path}"')
        found.update(dumped_table(path))
        os.unlink(path)
    return found


def frr_table(frr, host):
    """bgpd writes all its tables every second, each time to a new file and in one go: when it is told to stop, the first
    file that is not empty is whole."""
    folder = host.path("dump")
    os.mkdir(folder)

    def written():
        return [each.path for each in sorted(os.scandir(folder), key=lambda each: each.name) if each.stat().st_size]

    frr.ask("configure terminal", f"dump bgp routes-mrt {folder}/%s.mrt 1")
    wait.until(written, 60, "bgpd to write its table")
    frr.ask("configure terminal", "no dump bgp routes-mrt")
    return dumped_table(written()[0])


@suite.test
def reflected_to_bird_and_frr(t):
    lab = t.lab()
    hub, feeder = lab.host("hub"), lab.host("feeder")
    bird_host, frr_host = lab.host("bird"), lab.host("frr")
    path, made = table.find(lab.folder)
    t.note(f"{'made a table of the shape of the real one:' if made else 'the table is'} {path}")

    reflector = Heliostat(hub, as_number=AS_NUMBER, groups={"clients": {
        "role": "client", "dynamic": ["10.98.0.0/16", str(lab.ipv4)]}})
    reflector.start()
    speakers = Speaker(feeder)
    speakers.route_addresses("10.98.0.0/16", None, hub)
    speakers.start()
    feeds = [peer["address"] for peer in speakers.ask(f"mrt-peers {path}")["peers"]]
    speakers.tell("events off", f"target {hub.ipv4} 179",
                  f"peers feed {len(feeds)} from 10.98.0.1 as {AS_NUMBER} id-from 10.98.0.1",
                  f"peers witness 1 from 10.98.1.1 as {AS_NUMBER} id-from 10.98.1.1")
    loaded = speakers.ask(f"mrt feed {path} all")
    t.note(f"{loaded['routes']} routes of {len(feeds)} feeds")
    with t.case("every route of the file can be announced"):
        assert loaded["skipped"] == 0, f"found {loaded['skipped']} with attributes that RFC 7606 refuses"
    bird = Bird2(bird_host, AS_NUMBER, "192.0.2.101", [hub.ipv4], extra="\thold time 240;\n")
    frr = Frr(frr_host, AS_NUMBER, "192.0.2.102", [hub.ipv4], neighbor_lines=["neighbor {neighbor} timers 80 240"])
    bird.start()
    frr.start()
    wait.until(lambda: bird.established(hub.ipv4) and frr.established(hub.ipv4), 90, "the sessions of BIRD and FRR")
    start = time.monotonic()
    speakers.tell("connect feed", "wait established feed timeout 120", "wait sent feed timeout 600",
                  "wait quiet 2000 timeout 600", "connect witness", "wait established witness timeout 60",
                  "wait end-of-rib witness timeout 300", "wait quiet 2000 timeout 600")
    expected = expected_table(path, feeds)
    counts = {family: sum((":" in prefix) == ("ipv6" in family) for prefix in expected) for family in FAMILIES}
    t.note(f"expected {counts}; the feeds were reflected to the speakers within {time.monotonic() - start:.0f} s")

    with t.case("a client of our own that joined last has every path to the byte"):
        speakers.tell("check witness cluster-id " + reflector.cluster_id)
    with t.case("BIRD has as many prefixes as the file"):
        wait.until(lambda: [bird_count(bird, "master4"), bird_count(bird, "master6")] == list(counts.values()), 180,
                   f"{counts}", lambda: [bird_count(bird, "master4"), bird_count(bird, "master6")])
    with t.case("FRR has as many prefixes as the file"):
        wait.until(lambda: [frr_count(frr, hub.ipv4, each) for each in FAMILIES] == list(counts.values()), 180,
                   f"{counts}", lambda: [frr_count(frr, hub.ipv4, each) for each in FAMILIES])
    with t.case("every path in BIRD is that of the file"):
        compare(expected, bird_table(bird, bird_host))
    with t.case("every path in FRR is that of the file"):
        compare(expected, frr_table(frr, frr_host))
    with t.case("all went over one session each"):
        for address in (bird_host.ipv4, frr_host.ipv4, *(f"10.98.0.{n + 1}" for n in range(len(feeds)))):
            shown = reflector.peer(address)
            assert shown["established-count"] == 1, f"{address}: {shown['established-count']} sessions, " \
                f"last {shown['last-down']}"
    speakers.tell("close feed[0..%d]" % (len(feeds) - 1), "wait prefixes witness 0 timeout 300")
    with t.case("BIRD and FRR hold nothing once the feeds have gone"):
        wait.until(lambda: bird_count(bird, "master4") == 0 and frr_count(frr, hub.ipv4, "ipv4-unicast") == 0, 300,
                   "empty tables", lambda: (bird_count(bird, "master4"), frr_count(frr, hub.ipv4, "ipv4-unicast")))
    speakers.stop()
    reflector.stop()


suite.main()
