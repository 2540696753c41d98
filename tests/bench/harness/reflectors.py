"""The reflectors, each configured as somebody who knows it would for this: every client from one range of addresses, both
families, next hops kept, nothing installed in the kernel, no filter, no log of every session.
"""

import os
import time

from lib import packages, suite
from lib.bird import Bird2
from lib.frr import Frr
from lib.gobgp import GoBgp
from lib.heliostat import Heliostat
from lib.lab import command
from lib.openbgpd import OpenBgpd

from . import measure

CLUSTER_ID = "192.0.2.1"
RANGE = "10.80.0.0/12"  # of all clients and feeders
HOLD_TIME = 240
ASK_SECONDS = 0.25  # between two questions to a journal that is not whole yet


class Reflector:
    """What the benchmark asks of each: mixed into the wrappers of tests/interop/lib."""

    name = None
    package = None
    at_once = None  # sessions that it can set up at a time, where more make it slower or it never ends
    check = f"cluster-id {CLUSTER_ID}"  # what the speaker holds the clients' tables against
    reflects = True
    returns_own = False  # it sends routes back to their originator, who must ignore them (RFC 4456 section 8)

    def ready(self):
        assert self.process.alive(), f"{self.name} ended: {self.process.output()[-800:].strip()}"
        return measure.port_open(self.process.pid, 179)

    def processes(self):
        return measure.tree(self.process.pid)

    def durable(self, _since, _seconds, _look):
        """What its journal says of itself, once all that was there at `since` is written; None without one."""

    def end(self):
        """Fails when it does not end as it should."""

    @classmethod
    def fetch(cls):
        """Fails when it is not to be had."""
        packages.unpack(cls.package)

    @classmethod
    def version(cls):
        return os.path.basename(packages.unpack(cls.package)).partition("_")[2]


class HeliostatReflector(Reflector, Heliostat):
    name = "heliostat"

    def __init__(self, host, as_number):
        super().__init__(host, as_number=as_number, router_id=CLUSTER_ID,
                         groups={"nodes": {"role": "client", "dynamic": [RANGE], "hold-time": HOLD_TIME}})

    def start(self):
        self.launch()

    def end(self):
        self.stop(60)

    @classmethod
    def fetch(cls):
        suite.build_path("heliostatd")

    @classmethod
    def version(cls):
        return command([suite.build_path("heliostatd"), "--version"]).strip().split()[-1]


class JournalReflector(HeliostatReflector):
    """Heliostat with its journal on, in a file on the disk."""

    name = "journal"

    def __init__(self, host, as_number):
        super().__init__(host, as_number)
        self.journal = {"path": host.path("journal.db")}

    def durable(self, since, seconds, look):
        """Asks only when its writer rests: the loop, whose time is measured, has each question to answer."""
        end = time.monotonic() + seconds
        asked = written = None
        while True:
            look()
            now, before, written = time.time(), written, measure.other_seconds(self.process.pid)
            if written == before and (asked is None or now > asked + ASK_SECONDS):
                asked, shown = now, self.show("journal")
                if not any(shown[key] for key in ("waiting-paths", "waiting-history", "batches-waiting")):
                    return {"durable": round(time.time() - since, 3), "longest-turn-ms": shown["longest-turn-us"] / 1000,
                            "longest-transaction-ms": shown["longest-transaction-us"] / 1000, "rows": shown["rows"],
                            "history-lost": shown["history-lost"], "file-mib": round(shown["file-size"] / 2**20, 1)}
                assert not shown["reason"], f"the journal is degraded: {shown['reason']}"
            assert time.monotonic() < end, f"the journal is not whole after {seconds:g} s"
            time.sleep(0.05)  # until its writer is looked at again

    def kill(self):
        self.process.kill()


class FloorReflector(Reflector):
    """No reflector: the same bytes handed on unread."""

    name = "floor"
    check = "verbatim"
    reflects = False

    def __init__(self, host, _as_number):
        self.host = host
        self.process = None

    def start(self):
        self.process = self.host.spawn([suite.build_path("heliostat-floor"), self.host.ipv4, "179"], "floor")

    @classmethod
    def fetch(cls):
        suite.build_path("heliostat-floor")

    @classmethod
    def version(cls):
        return ""


class Peer(Reflector):
    def __init__(self, host, as_number):
        super().__init__(host, as_number, CLUSTER_ID, [])


class BirdReflector(Peer, Bird2):
    name = "bird"
    package = "bird2"
    at_once = 8  # the backlog of its listening socket

    def configuration_text(self):
        channels = "".join(f"\t{family} {{ import all; export all; }};\n" for family in ("ipv4", "ipv6"))
        return (f"router id {self.router_id};\nlog stderr {{ warning, error, fatal, bug }};\nprotocol device {{}}\n"
                f"protocol bgp nodes {{\n\tlocal {self.host.ipv4} as {self.as_number};\n"
                f"\tneighbor range {RANGE} as {self.as_number};\n\tdynamic name \"node\";\n\tpassive;\n"
                f"\trr client;\n\trr cluster id {CLUSTER_ID};\n\thold time {HOLD_TIME};\n"
                f"\tenable extended messages on;\n{channels}}}\n")


class FrrReflector(Peer, Frr):
    name = "frr"
    package = "frr"
    check = Reflector.check + " med-zero"  # it writes a MED of 0 where there was none
    returns_own = True

    def configuration_text(self):
        lines = ["log stdout warnings", f"router bgp {self.as_number}", f" bgp router-id {CLUSTER_ID}",
                 f" bgp cluster-id {CLUSTER_ID}", " no bgp default ipv4-unicast", " no bgp network import-check",
                 " neighbor nodes peer-group", f" neighbor nodes remote-as {self.as_number}",
                 f" neighbor nodes timers {HOLD_TIME // 3} {HOLD_TIME}", " neighbor nodes advertisement-interval 0",
                 " bgp listen limit 50000", f" bgp listen range {RANGE} peer-group nodes"]
        for family in ("ipv4", "ipv6"):
            lines += [f" address-family {family} unicast", "  neighbor nodes activate",
                      "  neighbor nodes route-reflector-client", " exit-address-family"]
        return "\n".join(lines) + "\n"


class GoBgpReflector(Peer, GoBgp):
    name = "gobgp"
    package = "gobgpd"

    def configuration_text(self):
        families = "".join(f"[[peer-groups.afi-safis]]\n[peer-groups.afi-safis.config]\nafi-safi-name = \"{family}\"\n"
                           for family in ("ipv4-unicast", "ipv6-unicast"))
        return (f"[global.config]\nas = {self.as_number}\nrouter-id = \"{CLUSTER_ID}\"\nport = 179\n"
                f"[[peer-groups]]\n[peer-groups.config]\npeer-group-name = \"nodes\"\npeer-as = {self.as_number}\n"
                f"[peer-groups.timers.config]\nhold-time = {HOLD_TIME}\nkeepalive-interval = {HOLD_TIME // 3}\n"
                "[peer-groups.route-reflector.config]\nroute-reflector-client = true\n"
                f"route-reflector-cluster-id = \"{CLUSTER_ID}\"\n{families}"
                f"[[dynamic-neighbors]]\n[dynamic-neighbors.config]\nprefix = \"{RANGE}\"\npeer-group = \"nodes\"\n")


class OpenBgpdReflector(Peer, OpenBgpd):
    name = "openbgpd"
    package = "openbgpd"
    at_once = 4

    def configuration_text(self):
        return (f"AS {self.as_number}\nrouter-id {CLUSTER_ID}\nfib-update no\nnexthop qualify via default\n"
                f"holdtime {HOLD_TIME}\nsocket \"{self.socket}\"\nlisten on {self.host.ipv4}\n"
                f"neighbor {RANGE} {{\n\tremote-as {self.as_number}\n\tpassive\n\troute-reflector {CLUSTER_ID}\n"
                "\tannounce IPv4 unicast\n\tannounce IPv6 unicast\n\ttransparent-as no\n}\n"
                "allow from any\nallow to any\n")


PEERS = {each.name: each for each in (BirdReflector, FrrReflector, GoBgpReflector, OpenBgpdReflector)}
