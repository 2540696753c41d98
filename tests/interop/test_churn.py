#!/usr/bin/python3
"""Prefixes announced with ever new attributes, 1,000 times a second for a minute, while 100 clients join and leave."""

import os

from lib import suite
from lib.heliostat import Heliostat
from lib.speaker import Speaker, dump

RATE = 1000
SECONDS = 60
CLIENTS = 100
SOURCES = 20
PREFIXES = 250  # of each source and family
FAMILIES = ("ipv4-unicast", "ipv6-unicast")
WELL_KNOWN = {"no-export": "65535:65281", "no-advertise": "65535:65282", "no-export-subconfed": "65535:65283"}


def as_shown(row):
    """A route of `show routes ... advertised`, in the columns of a dump."""
    return (row["next-hop"], row["as-path"], row["origin"], str(row["local-pref"]),
            "" if row["med"] is None else str(row["med"]),
            " ".join(WELL_KNOWN.get(each, each) for each in row["communities"]),
            row["originator-id"] or "", " ".join(row["cluster-list"]))


def as_dumped(row):
    return tuple(row[column] for column in ("next-hop", "as-path", "origin", "local-pref", "med", "communities",
                                            "originator-id", "cluster-list"))


def advertised(reflector, address):
    """What the reflector says it has told the peer."""
    table = {}
    for family in FAMILIES:
        for row in reflector.show("routes", "peer", address, "advertised", "family", family)["routes"]:
            table[row["prefix"]] = as_shown(row)
    return table


def best(reflector):
    """{prefix: (announcer, MED, communities, next hop)} of the reflector's best paths."""
    table = {}
    for family in FAMILIES:
        for row in reflector.show("routes", "family", family)["routes"]:
            if row["best"]:
                assert row["prefix"] not in table, f"{row['prefix']} has two best paths"
                table[row["prefix"]] = (row["peer"], "" if row["med"] is None else str(row["med"]),
                                        " ".join(WELL_KNOWN.get(each, each) for each in row["communities"]),
                                        row["next-hop"])
    return table


def differences(found, expected):
    wrong = [f"{prefix}: found {found.get(prefix)}, expected {expected.get(prefix)}"
             for prefix in sorted(found.keys() | expected.keys()) if found.get(prefix) != expected.get(prefix)]
    return f"{len(wrong)} differences, the first {wrong[0]}" if wrong else ""


def compare_with_best(truth, address, path):
    """The client holds the best path of every prefix but those whose best path is its own."""
    found = {prefix: (row["med"], row["communities"], row["next-hop"]) for (prefix, _), row in dump(path).items()}
    expected = {prefix: each[1:] for prefix, each in truth.items() if each[0] != address}
    wrong = differences(found, expected)
    assert not wrong, f"{address}: {wrong}"


def stir(t, speakers):
    """The minute itself. Each prefix gets new attributes a few times in it, so that a lost one is not made up for."""
    speakers.tell("stats reset",
                  f"churn sources 10.96.0.0/28 count {PREFIXES} rate {RATE / 2} seconds {SECONDS} as-path \"65001 65002\"",
                  f"churn sources fd00:96::/64 count {PREFIXES} rate {RATE / 2} seconds {SECONDS} local-pref 200",
                  f"flap clients rate 20 seconds {SECONDS}", f"wait activity timeout {SECONDS + 120}")
    stats = speakers.ask("stats")
    t.note(f"{stats['updates-sent']} UPDATEs sent, {stats['updates-received']} received, "
           f"{stats['sessions']} sessions came up again")
    with t.case("no session was lost but those that the test closed"):
        assert stats["down"] == 0, f"found {stats['down']} sessions that ended"
    with t.case("the churn and the coming and going took place"):
        assert stats["sessions"] >= SECONDS, f"found {stats['sessions']} sessions that joined again"
        assert stats["attribute-sets-known"] >= RATE * SECONDS, f"found {stats['attribute-sets-known']}"
    speakers.tell("wait established clients timeout 120", "wait end-of-rib clients timeout 120",
                  "wait quiet 2000 timeout 120")


@suite.test
def joining_and_leaving(t):
    lab = t.lab()
    hub, host = lab.host("hub"), lab.host("speakers")
    reflector = Heliostat(hub, groups={"nodes": {"role": "client", "dynamic": ["10.98.0.0/16"]}})
    reflector.start()
    speakers = Speaker(host)
    speakers.route_addresses("10.98.0.0/16", None, hub)
    speakers.start()
    known = 2 * SOURCES * PREFIXES
    speakers.tell("events off", f"target {hub.ipv4} 179",
                  f"peers sources {SOURCES} from 10.98.0.1 as 64512 id-from 10.98.0.1",
                  f"peers clients {CLIENTS} from 10.98.1.1 as 64512 id-from 10.98.1.1",
                  f"announce sources 10.96.0.0/28 count {PREFIXES}", f"announce sources fd00:96::/64 count {PREFIXES}",
                  # fifty announce the second: its best path moves as they come and go
                  "announce clients 10.97.0.0/32 count 1", "announce clients[0..49] 10.97.200.1/32 same",
                  "connect sources", "connect clients", "wait established sources timeout 60",
                  "wait established clients timeout 60", f"wait at-least clients {known + CLIENTS - 1} timeout 60")
    stir(t, speakers)
    for group in ("sources", "clients"):
        with t.case(f"every one of the {group} has what the others announced last"):
            speakers.tell(f"check {group} cluster-id {reflector.cluster_id}")

    folder = host.path("tables")
    os.mkdir(folder)
    speakers.tell(f"dump clients {folder}")
    truth = best(reflector)
    with t.case("the reflector's table is complete"):
        assert len(truth) == known + CLIENTS + 1, f"found {len(truth)} prefixes"
    with t.case("every client's table equals the reflector's"):
        for number in range(CLIENTS):
            compare_with_best(truth, f"10.98.1.{number + 1}", f"{folder}/clients-{number}")
    with t.case("clients hold all attributes that the reflector shows as advertised"):
        for number in (0, 1, 49, 50, CLIENTS - 1):
            address = f"10.98.1.{number + 1}"
            found = {prefix: as_dumped(row) for (prefix, _), row in dump(f"{folder}/clients-{number}").items()}
            wrong = differences(found, advertised(reflector, address))
            assert not wrong, f"{address}: {wrong}"
    with t.case("a best path that moves is withdrawn from its new announcer"):
        # clients[0] has the lowest BGP Identifier, clients[1] the next: it loses the path that it had of clients[0]
        assert truth["10.97.200.1/32"][0] == "10.98.1.1", f"found {truth['10.97.200.1/32']}"
        speakers.tell("close clients[0]", f"wait prefixes clients[1] {known + CLIENTS - 2} timeout 30",
                      "wait quiet 1000 timeout 60", f"dump clients {folder}",
                      f"check clients[1..{CLIENTS - 1}] cluster-id {reflector.cluster_id}")
        truth = best(reflector)
        assert truth["10.97.200.1/32"][0] == "10.98.1.2", f"found {truth['10.97.200.1/32']}"
        compare_with_best(truth, "10.98.1.2", f"{folder}/clients-1")
    speakers.stop()
    reflector.stop()


suite.main()
