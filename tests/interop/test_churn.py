#!/usr/bin/python3
"""Prefixes announced with ever new attributes, 1,000 times a second for a minute, while 100 clients join and leave."""

import os

from lib import suite
from lib.heliostat import Heliostat
from lib.speaker import Speaker, dump

RATE = 1000
SECONDS = 60
CLIENTS = 100
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
    for family in ("ipv4-unicast", "ipv6-unicast"):
        for row in reflector.show("routes", "peer", address, "advertised", "family", family)["routes"]:
            table[row["prefix"]] = as_shown(row)
    return table


def best(reflector):
    """{prefix: (MED, communities, next hop)} of the reflector's best paths."""
    table = {}
    for family in ("ipv4-unicast", "ipv6-unicast"):
        for row in reflector.show("routes", "family", family)["routes"]:
            if row["best"]:
                assert row["prefix"] not in table, f"{row['prefix']} has two best paths"
                table[row["prefix"]] = (row["med"], tuple(row["communities"]), row["next-hop"], row["peer"])
    return table


@suite.test
def joining_and_leaving(t):
    lab = t.lab()
    hub, host = lab.host("hub"), lab.host("speakers")
    reflector = Heliostat(hub, groups={"nodes": {"role": "client", "dynamic": ["10.98.0.0/16"]}})
    reflector.start()
    speakers = Speaker(host)
    speakers.route_addresses("10.98.0.0/16", None, hub)
    speakers.start()
    speakers.tell("events off", f"target {hub.ipv4} 179",
                  "peers sources 20 from 10.98.0.1 as 64512 id-from 10.98.0.1",
                  f"peers clients {CLIENTS} from 10.98.1.1 as 64512 id-from 10.98.1.1",
                  "announce sources 10.96.0.0/28 count 20", "announce sources fd00:96::/64 count 20",
                  # fifty clients announce the second of these: the best path moves as they come and go
                  "announce clients 10.97.0.0/32 count 1", "announce clients[0..49] 10.97.200.1/32 same",
                  "connect sources", "connect clients", "wait established sources timeout 60",
                  "wait established clients timeout 60", f"wait at-least clients {20 * 40 + CLIENTS - 1} timeout 60")
    speakers.tell("stats reset",
                  f"churn sources 10.96.0.0/28 count 20 rate {RATE / 2} seconds {SECONDS} as-path \"65001 65002\"",
                  f"churn sources fd00:96::/64 count 20 rate {RATE / 2} seconds {SECONDS} local-pref 200",
                  f"flap clients rate 20 seconds {SECONDS}", f"wait activity timeout {SECONDS + 120}")
    stats = speakers.ask("stats")
    t.note(f"{stats['updates-sent']} UPDATEs sent, {stats['updates-received']} received, "
           f"{stats['sessions']} sessions came up again")
    with t.case("no session was lost but those that the test closed"):
        assert stats["down"] == 0, f"found {stats['down']} sessions that ended"
    with t.case("the churn and the coming and going took place"):
        assert stats["sessions"] >= 10 * SECONDS / 4, f"found {stats['sessions']} sessions that joined again"
        assert stats["attribute-sets-known"] >= RATE * SECONDS, f"found {stats['attribute-sets-known']}"
    speakers.tell("wait established clients timeout 120", "wait end-of-rib clients timeout 120",
                  "wait quiet 2000 timeout 120")
    for group in ("sources", "clients"):
        with t.case(f"every one of the {group} has what the others announced last"):
            speakers.tell(f"check {group} cluster-id {reflector.cluster_id}")

    folder = host.path("tables")
    os.mkdir(folder)
    speakers.tell(f"dump clients {folder}")
    truth = best(reflector)
    with t.case("the reflector's table is complete"):
        assert len(truth) == 2 * 400 + CLIENTS + 1, f"found {len(truth)} prefixes"
    with t.case("every client's table equals the reflector's"):
        for number in range(CLIENTS):
            compare(reflector, truth, f"10.98.1.{number + 1}", f"{folder}/clients-{number}")
    speakers.stop()
    reflector.stop()


def compare(reflector, truth, address, path):
    rows = {prefix: row for (prefix, _), row in dump(path).items()}
    found = {prefix: as_dumped(row) for prefix, row in rows.items()}
    expected = advertised(reflector, address)
    wrong = [f"{prefix}: found {found.get(prefix)}, expected {expected.get(prefix)}"
             for prefix in sorted(found.keys() | expected.keys()) if found.get(prefix) != expected.get(prefix)]
    assert not wrong, f"{address}: {len(wrong)} differences from what was advertised, the first {wrong[0]}"
    others = {prefix for prefix, each in truth.items() if each[3] != address}
    assert found.keys() == others, f"{address}: prefixes {sorted(found.keys() ^ others)[:5]} differ from the best paths"
    for prefix in others:
        med, communities, next_hop, _ = truth[prefix]
        held = rows[prefix]
        same = (held["med"], held["communities"], held["next-hop"]) == (
            "" if med is None else str(med), " ".join(WELL_KNOWN.get(each, each) for each in communities), next_hop)
        assert same, f"{address}: {prefix} found {held}, expected {truth[prefix]}"


suite.main()
