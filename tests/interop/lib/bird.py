"""BIRD 2, and BIRD 1.6 in the style of Calico's nodes (one daemon a family, ADD-PATH, graceful restart).

BIRD 2 also stands in as a reflector where the harness itself is to be proven.
"""

import datetime
import re

from . import packages
from .route import Daemon, Path

ROUTE = re.compile(r"^(?P<prefix>[0-9a-f.:]+/\d+)?\s+.*\[(?P<protocol>\S+) [^]]*?(?:from (?P<peer>[0-9a-f.:]+))?\]")
ATTRIBUTE = re.compile(r"^\s+BGP\.(\w+): ?(.*)$")


class Since:
    """
    A time that BIRD shows. It computes it anew at each look from two clocks, each cut to what it shows, so the same
    moment may come out as the next millisecond (BIRD 1.6: second). A session that was reset is seconds younger.
    """

    def __init__(self, text, fraction):
        self.text = text + (fraction or "")
        self.seconds = datetime.datetime.fromisoformat(text).timestamp() + float(fraction or 0)
        self.grain = 0.01 if fraction else 1

    def __eq__(self, other):
        return isinstance(other, Since) and abs(self.seconds - other.seconds) <= max(self.grain, other.grain)

    __hash__ = None

    def __repr__(self):
        return self.text


class Bird(Daemon):
    package = None
    daemon = "bird"
    client = "birdc"

    def __init__(self, host, as_number, router_id, neighbors, *, extra="", **options):
        super().__init__(host, as_number, router_id, neighbors, **options)
        self.extra = extra  # further lines of every BGP protocol
        self.socket = host.path(f"{self.daemon}.ctl")
        self.configuration = host.path(f"{self.daemon}.conf")

    def protocol(self, neighbor):
        return f"rr{self.neighbors.index(neighbor) + 1}"

    def routes_text(self, ipv6):
        lines = []
        for a in self.announced.values():
            if a.ipv6 != ipv6:
                continue
            steps = [f"bgp_next_hop = {a.next_hop};", "bgp_origin = ORIGIN_IGP;"]
            if a.med is not None:
                steps.append(f"bgp_med = {a.med};")
            for community in a.communities:
                steps.append(f"bgp_community.add(({community.replace(':', ',')}));")
            lines.append(f"\troute {a.prefix} blackhole {{ {' '.join(steps)} }};")
        return "\n".join(lines)

    def configure(self):
        with open(self.configuration, "w") as file:
            file.write(self.configuration_text())

    def start(self, recover=False):
        """`recover`: as one that has restarted and kept its forwarding (RFC 4724 section 4.1)."""
        self.configure()
        argv = [packages.program(self.package, self.daemon), *(["-R"] if recover else []), "-f", "-c", self.configuration, "-s", self.socket,
                "-P", self.host.path(f"{self.daemon}.pid")]
        self.process = self.host.spawn(argv, self.daemon)

    def ask(self, *words, check=True):
        return self.host.run([packages.program(self.package, self.client), "-s", self.socket, *words], check=check)

    def reconfigure(self):
        self.configure()
        answer = self.ask("configure")
        assert "econfigur" in answer, f"BIRD refused its configuration: {answer}"

    def announce(self, announcement):
        self.announced[announcement.prefix] = announcement
        self.reconfigure()

    def withdraw(self, prefix):
        del self.announced[prefix]
        self.reconfigure()

    def protocol_line(self, neighbor):
        for line in self.ask("show", "protocols", self.protocol(neighbor), check=False).splitlines():
            if line.split()[:2] == [self.protocol(neighbor), "BGP"]:
                return line
        return ""

    def established(self, neighbor):
        return "Established" in self.protocol_line(neighbor)

    def since(self, neighbor):
        """When the session reached its state; None when the daemon does not say."""
        match = re.search(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)?", self.protocol_line(neighbor))
        return match and Since(match[1], match[2])

    def paths(self, prefix):
        paths = []
        for line in self.ask("show", "route", prefix, "all", check=False).splitlines():
            head = ROUTE.match(line)
            attribute = ATTRIBUTE.match(line)
            if head:
                paths.append(Path(prefix=head["prefix"] or prefix, peer=head["peer"]))
                paths[-1].protocol = head["protocol"]
            elif attribute and paths:
                self.take(paths[-1], attribute[1], attribute[2].strip())
        return [path for path in paths if path.protocol.startswith("rr")]

    @staticmethod
    def take(path, name, value):
        if name == "origin":
            path.origin = value.lower()
        elif name == "as_path":
            path.as_path = tuple(int(each) if each.isdigit() else each for each in value.split())
        elif name == "next_hop":
            path.next_hop = value.split()[0]
        elif name == "med":
            path.med = int(value)
        elif name == "local_pref":
            path.local_pref = int(value)
        elif name == "community":
            path.communities = frozenset(each.replace(",", ":") for each in re.findall(r"\((\S+?)\)", value))
        elif name == "originator_id":
            path.originator_id = value
        elif name == "cluster_list":
            path.cluster_list = tuple(value.split())


class Bird2(Bird):
    kind = "bird2"
    package = "bird2"

    def __init__(self, host, as_number, router_id, neighbors, *, clients=(), cluster_id=None, **options):
        super().__init__(host, as_number, router_id, neighbors, **options)
        self.clients = list(clients)  # with `clients`, it is itself a reflector (the stand-in)
        self.cluster_id = cluster_id or router_id

    def configuration_text(self):
        parts = [f"router id {self.router_id};", "log stderr all;", "timeformat protocol iso long ms;",
                 "protocol device {}",
                 f"protocol static announced4 {{\n\tipv4;\n{self.routes_text(False)}\n}}",
                 f"protocol static announced6 {{\n\tipv6;\n{self.routes_text(True)}\n}}"]
        for neighbor in self.neighbors:
            parts.append(self.bgp(self.protocol(neighbor), neighbor, 'source = RTS_STATIC', ""))
        for number, neighbor in enumerate(self.clients, 1):
            parts.append(self.bgp(f"client{number}", neighbor, 'source = RTS_BGP',
                                  f"\trr client;\n\trr cluster id {self.cluster_id};\n"))
        return "\n".join(parts) + "\n"

    def bgp(self, name, neighbor, export, extra):
        channels = "".join(f"\t{family.split('-')[0]} {{ import all; export where {export}; }};\n"
                           for family in self.families)
        return (f"protocol bgp {name} {{\n\tlocal {self.local(neighbor)} as {self.as_number};\n"
                f"\tneighbor {neighbor} as {self.remote_as};\n\tconnect delay time 1;\n\tconnect retry time 2;\n"
                f"\terror wait time 1, 2;\n\tenable extended messages on;\n{extra}{self.extra}{channels}}}")


class Bird16(Bird):
    """`families` holds one family: the daemon is bird for IPv4, over IPv4, and bird6 for IPv6, over IPv6."""

    kind = "bird1.6"
    package = "bird"

    def __init__(self, host, as_number, router_id, neighbors, **options):
        super().__init__(host, as_number, router_id, neighbors, **options)
        assert len(self.families) == 1, f"BIRD 1.6 speaks one family a daemon, asked for {self.families}"
        self.ipv6 = self.families[0] == "ipv6-unicast"
        if self.ipv6:
            self.daemon, self.client = "bird6", "birdc6"
            self.socket = host.path("bird6.ctl")
            self.configuration = host.path("bird6.conf")

    def export_text(self):
        """BIRD 1.6 keeps a next hop only where the export filter sets it."""
        lines = ["\t\tif source != RTS_STATIC then reject;\n"]
        for a in self.announced.values():
            if a.ipv6 == self.ipv6:
                lines.append(f"\t\tif net = {a.prefix} then bgp_next_hop = {a.next_hop};\n")
        return "".join(lines) + "\t\taccept;\n"

    def configuration_text(self):
        parts = [f"router id {self.router_id};", "log stderr all;", "timeformat protocol iso long;",
                 "protocol device {}",
                 f"protocol static announced {{\n{self.routes_text(self.ipv6)}\n}}"]
        for neighbor in self.neighbors:
            parts.append(f"protocol bgp {self.protocol(neighbor)} {{\n\tlocal {self.local(neighbor)} as {self.as_number};\n"
                         f"\tneighbor {neighbor} as {self.remote_as};\n\tconnect delay time 1;\n"
                         "\tconnect retry time 2;\n\terror wait time 1, 2;\n"
                         f"\timport all;\n\texport filter {{\n{self.export_text()}\t}};\n"
                         f"\tadd paths on;\n\tgraceful restart;\n{self.extra}}}")
        return "\n".join(parts) + "\n"
