"""The real Internet table that tests work on: finding it, making one of its shape where there is none, and reading
MRT files (RFC 6396) through bgpdump, which shares no code with the reflector or its speaker.
"""

import collections
import ipaddress
import os
import random
import re
import struct
import subprocess

from . import lab, suite

SHARED = os.path.join(os.path.dirname(suite.TOP), "shared", "mrt", "routeviews.route-views.jinx.ribs.1401487200.bz2")
MADE_PREFIXES = 500_000

# What of a path must survive reflection. Absent MED reads as 0 in bgpdump's output.
Route = collections.namedtuple("Route", "as_path origin next_hop med communities aggregate aggregator")
MrtPeer = collections.namedtuple("MrtPeer", "address as_number")
WELL_KNOWN = {"no-export": "65535:65281", "no-advertise": "65535:65282", "no-export-subconfed": "65535:65283",
              "local-AS": "65535:65283", "blackhole": "65535:666"}


def find(folder):
    """(path, whether it had to be made)."""
    named = os.environ.get("HELIOSTAT_MRT")
    if named:
        assert os.path.isfile(named), f"HELIOSTAT_MRT: found no file {named}, expected an MRT file"
        return os.path.abspath(named), False
    if os.path.isfile(SHARED):
        return SHARED, False
    made = os.path.join(folder, "made.mrt")
    make(made)
    return made, True


def sets_in_order(as_path):
    """An AS_SET has no order (RFC 4271 section 4.3), and FRR sorts it."""
    return re.sub(r"\{([^}]*)\}", lambda each: "{%s}" % ",".join(sorted(each[1].split(","), key=int)), as_path)


def read(path):
    """Yields (MrtPeer, prefix, Route) of each RIB entry."""
    process = subprocess.Popen(["bgpdump", "-m", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               preexec_fn=lab.die_with_parent)
    intern = {}
    with process.stdout as lines:
        for line in lines:
            if not line.startswith("TABLE_DUMP2|"):
                continue
            part = line.rstrip("\n").split("|")
            communities = " ".join(WELL_KNOWN.get(each, each) for each in part[11].split())
            route = Route(sets_in_order(part[6]), part[7], part[8], int(part[10]), communities, part[12], part[13])
            peer = MrtPeer(part[3], int(part[4]))
            yield intern.setdefault(peer, peer), part[5], intern.setdefault(route, route)
    assert process.wait() == 0, f"bgpdump {path}: exit status {process.returncode}"


# Making a table: one full feed and some partial ones of both families, with AS paths that many prefixes share.

def attribute(flags, number, value):
    if len(value) > 255:
        return struct.pack("!BBH", flags | 0x10, number, len(value)) + value
    return struct.pack("!BBB", flags, number, len(value)) + value


def attributes(chance, as_number, next_hop):
    path = [as_number] + [chance.randrange(1000, 200000) for _ in range(chance.choice((1, 2, 2, 3, 3, 3, 4, 4, 5, 6)))]
    if chance.random() < 0.1:
        path += [path[-1]] * chance.randrange(1, 4)
    segments = struct.pack(f"!BB{len(path)}I", 2, len(path), *path)
    if chance.random() < 0.01:
        segments += struct.pack("!BB2I", 1, 2, *(chance.randrange(1000, 60000) for _ in range(2)))
    parts = [attribute(0x40, 1, bytes([chance.choice((0, 0, 0, 0, 2, 1))])), attribute(0x40, 2, segments)]
    if len(next_hop) == 4:
        parts.append(attribute(0x40, 3, next_hop))
    if chance.random() < 0.15:
        parts.append(attribute(0x80, 4, struct.pack("!I", chance.randrange(1, 500))))
    if chance.random() < 0.1:
        parts.append(attribute(0x40, 6, b""))
        parts.append(attribute(0xc0, 7, struct.pack("!I4s", path[-1], chance.randbytes(4))))
    if chance.random() < 0.5:
        values = sorted({chance.randrange(1 << 16, 60000 << 16) for _ in range(chance.randrange(1, 9))})
        parts.append(attribute(0xc0, 8, struct.pack(f"!{len(values)}I", *values)))
    if len(next_hop) == 16:
        parts.append(attribute(0x80, 14, bytes([16]) + next_hop))
    return b"".join(parts)


def made_prefixes(chance, count, ipv6):
    """Distinct, in order, with the lengths of the real table: more than half are /24 (or /48)."""
    found = set()
    while len(found) < count:
        if ipv6:
            length = chance.choice((32, 32, 36, 40, 44, 48, 48, 48))
            found.add(((0x2400 << 112 | chance.getrandbits(28) << 84) >> (128 - length) << (128 - length), length))
        else:
            length = chance.choices((16, 18, 19, 20, 21, 22, 23, 24), (3, 2, 4, 6, 6, 10, 9, 60))[0]
            # 11.0.0.0 to 126.255.255.255: no address that a router refuses
            found.add((chance.randrange(11 << 24, 127 << 24) >> (32 - length) << (32 - length), length))
    return sorted(found)


def record(kind, body):
    return struct.pack("!IHHI", 1401487200, 13, kind, len(body)) + body


def make(path, count=MADE_PREFIXES):
    chance = random.Random(20140530)
    feeds = [("196.223.14.55", 30844, count), ("196.223.14.46", 37105, count // 200), ("196.223.14.10", 3741, 1000),
             ("2001:43f8:1f0::46", 37105, 3000), ("2001:43f8:1f0::29", 6968, 300)]
    peers, tables = b"", {}
    for index, (address, as_number, n) in enumerate(feeds):
        ip = ipaddress.ip_address(address)
        peers += struct.pack("!B4s", 2 | (ip.version == 6), bytes([10, 0, 0, index + 1])) + ip.packed
        peers += struct.pack("!I", as_number)
        pool = [attributes(chance, as_number, ip.packed) for _ in range(max(1, n // 6))]
        full = [key for key in tables if key[0] == ip.version]
        keys = chance.sample(full, n) if ip.version == 4 and full else [
            (ip.version, *key) for key in made_prefixes(chance, n, ip.version == 6)]
        for key in keys:
            tables.setdefault(key, []).append((index, chance.choice(pool)))
    with open(path, "wb") as file:
        file.write(record(1, bytes(4) + struct.pack("!HH", 0, len(feeds)) + peers))
        for number, ((version, bits, length), entries) in enumerate(sorted(tables.items())):
            packed = bits.to_bytes(4 if version == 4 else 16, "big")[:(length + 7) // 8]
            body = struct.pack("!IB", number, length) + packed + struct.pack("!H", len(entries))
            for index, each in entries:
                body += struct.pack("!HIH", index, 1401487200, len(each)) + each
            file.write(record(2 if version == 4 else 4, body))
