"""GoBGP: gobgpd, asked through gobgp."""

import json

from . import packages
from .route import Daemon, Path

AFI_SAFI = {"ipv4-unicast": "ipv4-unicast", "ipv6-unicast": "ipv6-unicast"}
ORIGINS = ("igp", "egp", "incomplete")
# Path attribute type codes (RFC 4271, 1997, 4456).
ORIGIN, AS_PATH, NEXT_HOP, MED, LOCAL_PREF, COMMUNITIES, ORIGINATOR_ID, CLUSTER_LIST, MP_REACH = \
    1, 2, 3, 4, 5, 8, 9, 10, 14


class GoBgp(Daemon):
    kind = "gobgp"

    def __init__(self, *words, restart_time=None, long_lived_time=None, **options):
        """`restart_time`: with Graceful Restart, of so many seconds; `long_lived_time`: and with its long-lived form."""
        super().__init__(*words, **options)
        self.restart_time = restart_time
        self.long_lived_time = long_lived_time

    def configuration_text(self):
        lines = ["[global.config]", f"as = {self.as_number}", f'router-id = "{self.router_id}"', "port = 179"]
        for neighbor in self.neighbors:
            lines += ["[[neighbors]]", "[neighbors.config]", f'neighbor-address = "{neighbor}"',
                      f"peer-as = {self.remote_as}", "[neighbors.transport.config]",
                      f'local-address = "{self.local(neighbor)}"', "[neighbors.timers.config]",
                      "connect-retry = 5", "idle-hold-time-after-reset = 1"]
            if self.restart_time is not None:
                lines += ["[neighbors.graceful-restart.config]", "enabled = true", f"restart-time = {self.restart_time}"]
            if self.long_lived_time is not None:
                lines.append("long-lived-enabled = true")
            for family in self.families:
                lines += ["[[neighbors.afi-safis]]", "[neighbors.afi-safis.config]",
                          f'afi-safi-name = "{AFI_SAFI[family]}"']
                if self.restart_time is not None:
                    lines += ["[neighbors.afi-safis.mp-graceful-restart.config]", "enabled = true"]
                if self.long_lived_time is not None:
                    lines += ["[neighbors.afi-safis.long-lived-graceful-restart.config]", "enabled = true",
                              f"restart-time = {self.long_lived_time}"]
        return "\n".join(lines) + "\n"

    def start(self, recover=False):
        """`recover`: as one that has restarted and kept its forwarding (RFC 4724 section 4.1)."""
        configuration = self.host.write("gobgpd.toml", self.configuration_text())
        self.process = self.host.spawn([packages.program("gobgpd", "gobgpd"), "-f", configuration, "-t", "toml",
                                        *(["-r"] if recover else []),
                                        "--api-hosts", "127.0.0.1:50051", "--pprof-disable"], "gobgpd")

    def ask(self, *words, check=True):
        return self.host.run([packages.program("gobgpd", "gobgp"), *words], check=check)

    def answers(self):
        return str(self.as_number) in self.ask("global", check=False)

    def ask_json(self, *words):
        try:
            return json.loads(self.ask("-j", *words, check=False))
        except json.JSONDecodeError:
            return None

    def established(self, neighbor):
        shown = self.ask_json("neighbor", neighbor)
        return bool(shown) and shown.get("state", {}).get("session_state") in (6, "ESTABLISHED")

    def announce(self, a):
        self.announced[a.prefix] = a
        words = ["global", "rib", "-a", "ipv6" if a.ipv6 else "ipv4", "add", a.prefix, "origin", "igp",
                 "nexthop", a.next_hop]
        if a.med is not None:
            words += ["med", str(a.med)]
        if a.communities:
            words += ["community", ",".join(a.communities)]
        self.ask(*words)

    def withdraw(self, prefix):
        a = self.announced.pop(prefix)
        self.ask("global", "rib", "-a", "ipv6" if a.ipv6 else "ipv4", "del", prefix)

    def paths(self, prefix):
        shown = self.ask_json("global", "rib", "-a", "ipv6" if ":" in prefix else "ipv4", prefix)
        if not isinstance(shown, dict):
            return []
        found = []
        for entries in shown.values():
            found += [self.path(prefix, each) for each in entries if each.get("source-id", "") != "" and
                      each["nlri"].get("prefix") == prefix and each.get("neighbor-ip") in self.neighbors]
        return found

    @staticmethod
    def path(prefix, shown):
        by_type = {each["type"]: each for each in shown["attrs"]}

        def value(code, key="value", default=None):
            return by_type.get(code, {}).get(key, default)

        return Path(prefix=prefix, next_hop=value(NEXT_HOP, "nexthop") or value(MP_REACH, "nexthop"),
                    as_path=tuple(number for segment in value(AS_PATH, "as_paths", ()) for number in segment["asns"]),
                    med=value(MED, "metric"), local_pref=value(LOCAL_PREF),
                    origin=ORIGINS[value(ORIGIN)],
                    communities=frozenset(f"{each >> 16}:{each & 0xffff}" for each in
                                          value(COMMUNITIES, "communities", ())),
                    originator_id=value(ORIGINATOR_ID), cluster_list=tuple(value(CLUSTER_LIST, default=())),
                    peer=shown.get("neighbor-ip"), path_id=shown.get("id"))
