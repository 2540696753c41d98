"""FRR's bgpd, without zebra (-Z): it installs nothing, and takes every next hop as reachable."""

import glob
import json
import os

from . import packages, private
from .route import Daemon, Path

AFI = {"ipv4-unicast": "ipv4", "ipv6-unicast": "ipv6"}


class Frr(Daemon):
    kind = "frr"

    def __init__(self, host, as_number, router_id, neighbors, *, neighbor_lines=(), bgp_lines=(), **options):
        super().__init__(host, as_number, router_id, neighbors, **options)
        self.neighbor_lines = list(neighbor_lines)  # "neighbor {neighbor} ..." of every neighbor
        self.bgp_lines = list(bgp_lines)  # of "router bgp"
        root = packages.unpack("frr")
        self.environment = dict(os.environ, LD_LIBRARY_PATH=glob.glob(f"{root}/usr/lib/*/frr")[0])
        self.run_folder = host.path("frr")
        self.sequence = 0

    def configuration_text(self):
        lines = ["log stdout informational", f"router bgp {self.as_number}", f" bgp router-id {self.router_id}",
                 " no bgp default ipv4-unicast", " no bgp network import-check", " no bgp ebgp-requires-policy",
                 " bgp log-neighbor-changes", *(f" {line}" for line in self.bgp_lines)]
        for neighbor in self.neighbors:
            lines += [f" neighbor {neighbor} remote-as {self.remote_as}",
                      f" neighbor {neighbor} update-source {self.local(neighbor)}",
                      f" neighbor {neighbor} timers connect 2",
                      f" neighbor {neighbor} advertisement-interval 0"]
            lines += [" " + line.format(neighbor=neighbor) for line in self.neighbor_lines]
        for family in self.families:
            lines.append(f" address-family {AFI[family]} unicast")
            lines += [f"  neighbor {neighbor} activate" for neighbor in self.neighbors]
            lines.append(" exit-address-family")
        return "\n".join(lines) + "\n"

    def start(self, recover=False):
        """`recover` is for the sake of the others: FRR says in its configuration that it keeps its forwarding."""
        os.makedirs(self.run_folder, exist_ok=True)
        # Without this, vtysh asks PAM about the user, whose configuration is not installed.
        self.host.write("frr/vtysh.conf", "username root nopassword\n")
        mounts = private.accounts(self.host, {}, {"frrvty": ["root"]})
        configuration = self.host.write("bgpd.conf", self.configuration_text())
        command = [packages.program("frr", "bgpd"), "-Z", "-S", "-u", "root", "-g", "root", "-f", configuration,
                   "-i", f"{self.run_folder}/bgpd.pid", "--vty_socket", self.run_folder, "-P", "0",
                   "--log", "stdout"]
        self.process = self.host.spawn(private.argv(mounts, command), "bgpd", env=self.environment)

    def ask(self, *commands, check=True):
        words = [packages.program("frr", "vtysh"), "--vty_socket", self.run_folder, "--config_dir", self.run_folder]
        for each in commands:
            words += ["-c", each]
        return self.host.run(words, check=check, env=self.environment)

    def answers(self):
        return "FRR" in self.ask("show version", check=False)

    def neighbor_json(self, neighbor):
        try:
            return json.loads(self.ask(f"show bgp neighbors {neighbor} json", check=False)).get(neighbor, {})
        except json.JSONDecodeError:
            return {}

    def established(self, neighbor):
        return self.neighbor_json(neighbor).get("bgpState") == "Established"

    def since(self, neighbor):
        """Which session it is. The time that FRR shows is computed anew each time and varies by a second."""
        shown = self.neighbor_json(neighbor)
        return shown.get("connectionsEstablished"), shown.get("connectionsDropped")

    def announce(self, a):
        self.announced[a.prefix] = a
        self.sequence += 1
        name = f"A{self.sequence}"
        afi = "ipv6" if a.ipv6 else "ipv4"
        commands = ["configure terminal", f"route-map {name} permit 10",
                    f"set ipv6 next-hop global {a.next_hop}" if a.ipv6 else f"set ip next-hop {a.next_hop}"]
        if a.med is not None:
            commands.append(f"set metric {a.med}")
        if a.communities:
            commands.append(f"set community {' '.join(a.communities)}")
        commands += ["exit", f"router bgp {self.as_number}", f"address-family {afi} unicast",
                     f"network {a.prefix} route-map {name}"]
        self.ask(*commands)

    def withdraw(self, prefix):
        a = self.announced.pop(prefix)
        self.ask("configure terminal", f"router bgp {self.as_number}",
                 f"address-family {'ipv6' if a.ipv6 else 'ipv4'} unicast", f"no network {prefix}")

    def paths(self, prefix):
        afi = "ipv6" if ":" in prefix else "ipv4"
        answer = self.ask(f"show bgp {afi} unicast {prefix} json", check=False)
        try:
            shown = json.loads(answer)
        except json.JSONDecodeError:
            return []
        if shown.get("prefix") != prefix:
            return []
        return [self.path(prefix, each) for each in shown.get("paths", ()) if each.get("peer", {}).get("peerId") in
                self.neighbors]

    @staticmethod
    def path(prefix, shown):
        hops = [hop["ip"] for hop in shown.get("nexthops", ()) if hop.get("scope", "global") == "global"]
        words = shown.get("aspath", {}).get("string", "")
        return Path(prefix=prefix, next_hop=hops[0] if hops else None,
                    as_path=tuple(int(word) for word in words.split() if word.isdigit()),
                    med=shown.get("metric", shown.get("med")), local_pref=shown.get("locPrf", shown.get("localpref")),
                    origin=shown.get("origin", "").lower(),
                    communities=frozenset(shown.get("community", {}).get("list", ())),
                    originator_id=shown.get("originatorId"),
                    cluster_list=tuple(shown.get("clusterList", {}).get("list", ())),
                    peer=shown["peer"]["peerId"], path_id=shown.get("addPathRxId"))
