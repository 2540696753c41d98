"""OpenBGPD (the portable one): bgpd, asked through bgpctl. It never couples to the kernel's table on Linux."""

import json
import os

from . import packages, private
from .route import Daemon, Path


class OpenBgpd(Daemon):
    kind = "openbgpd"

    def __init__(self, host, as_number, router_id, neighbors, *, neighbor_lines=(), **options):
        super().__init__(host, as_number, router_id, neighbors, **options)
        self.neighbor_lines = list(neighbor_lines)
        self.socket = host.path("bgpd.sock")

    def configuration_text(self):
        lines = [f"AS {self.as_number}", f"router-id {self.router_id}", "fib-update no", "nexthop qualify via default",
                 f'socket "{self.socket}"', *(f"listen on {self.local(each)}" for each in self.neighbors)]
        for neighbor in self.neighbors:
            lines += [f"neighbor {neighbor} {{", f"\tremote-as {self.remote_as}",
                      f"\tlocal-address {self.local(neighbor)}",
                      *(f"\tannounce {family.split('-')[0].replace('ip', 'IP')} "
                        f"{'unicast' if family in self.families else 'none'}"
                        for family in ("ipv4-unicast", "ipv6-unicast")),
                      *(f"\t{line}" for line in self.neighbor_lines), "}"]
        lines += ["allow from any", "allow to any"]
        return "\n".join(lines) + "\n"

    def start(self):
        # Its two chrooted processes want a home that root owns and nobody else can write.
        home = self.host.path("empty")
        os.makedirs(home, mode=0o755, exist_ok=True)
        mounts = private.accounts(self.host, {"_bgpd": home, "_openbgpd": home}, {"_bgpd": [], "_openbgpd": []})
        configuration = self.host.write("bgpd.conf", self.configuration_text(), 0o600)
        self.process = self.host.spawn(private.argv(mounts, [packages.program("openbgpd", "bgpd"), "-d", "-v", "-f",
                                                             configuration]), "bgpd")

    def ask(self, *words, check=True):
        return self.host.run([packages.program("openbgpd", "bgpctl"), "-s", self.socket, *words], check=check)

    def ask_json(self, *words):
        try:
            return json.loads(self.ask("-j", *words, check=False))
        except json.JSONDecodeError:
            return {}

    def established(self, neighbor):
        shown = self.ask_json("show", "neighbor", neighbor).get("neighbors", ())
        return any(each.get("state") == "Established" for each in shown)

    def announce(self, a):
        self.announced[a.prefix] = a
        words = ["network", "add", a.prefix, "nexthop", a.next_hop]
        if a.med is not None:
            words += ["med", str(a.med)]
        for community in a.communities:
            words += ["community", community]
        self.ask(*words)

    def withdraw(self, prefix):
        del self.announced[prefix]
        self.ask("network", "delete", prefix)

    def paths(self, prefix):
        shown = self.ask_json("show", "rib", "detail", prefix).get("rib", ())
        return [self.path(prefix, each) for each in shown
                if each.get("prefix") == prefix and each["neighbor"]["remote_addr"] in self.neighbors]

    @staticmethod
    def path(prefix, shown):
        special = {}
        for each in shown.get("attributes", ()):
            special.update(each)
        return Path(prefix=prefix, next_hop=shown.get("exit_nexthop"),
                    as_path=tuple(int(word) for word in shown.get("aspath", "").split() if word.isdigit()),
                    med=shown.get("metric"), local_pref=shown.get("localpref"), origin=shown.get("origin", "").lower(),
                    communities=frozenset(shown.get("communities", ())), originator_id=special.get("originator"),
                    cluster_list=tuple(special.get("cluster_list", ())), peer=shown["neighbor"]["remote_addr"])
