"""ExaBGP, asked through exabgpcli."""

import os
import re

from . import packages
from .route import Daemon, Path


class ExaBgp(Daemon):
    kind = "exabgp"

    def __init__(self, host, as_number, router_id, neighbors, *, asn4=True, **options):
        super().__init__(host, as_number, router_id, neighbors, **options)
        self.asn4 = asn4
        self.root = packages.unpack("python3-exabgp")
        self.environment = dict(
            os.environ, PYTHONPATH=f"{self.root}/usr/lib/python3/dist-packages", PYTHONDONTWRITEBYTECODE="1",
            exabgp_daemon_user="root", exabgp_daemon_drop="false", exabgp_daemon_daemonize="false",
            exabgp_log_destination="stdout", exabgp_log_level="INFO", exabgp_log_all="false",
            exabgp_api_cli="true", exabgp_api_pipename=f"exabgp-{host.namespace}", exabgp_tcp_bind="",
            exabgp_api_ack="true")

    def configuration_text(self):
        families = "".join(f"\t\t{family.replace('-', ' ')};\n" for family in self.families)
        return "".join(
            f"neighbor {neighbor} {{\n\trouter-id {self.router_id};\n\tlocal-address {self.local(neighbor)};\n"
            f"\tlocal-as {self.as_number};\n\tpeer-as {self.remote_as};\n\thold-time 90;\n\tadj-rib-in true;\n"
            f"\tgroup-updates false;\n\tcapability {{\n\t\tasn4 {'enable' if self.asn4 else 'disable'};\n\t}}\n"
            f"\tfamily {{\n{families}\t}}\n}}\n" for neighbor in self.neighbors)

    def program(self, name):
        return ["/usr/bin/python3", packages.program("python3-exabgp", name)]

    def start(self):
        # The pipes of the command line have fixed folders; /run/ of this daemon is its own.
        pipes = self.host.path("run")
        os.makedirs(pipes, exist_ok=True)
        self.environment["exabgp_api_pipename"] = "exabgp"
        for each in ("exabgp.in", "exabgp.out"):
            path = os.path.join(pipes, each)
            if not os.path.exists(path):
                os.mkfifo(path, 0o600)
        configuration = self.host.write("exabgp.conf", self.configuration_text())
        self.process = self.host.spawn(self.private([*self.program("python3-exabgp"), configuration]),
                                       "exabgp", env=self.environment)

    def private(self, command):
        return ["sh", "-c", 'mount --bind "$0" /run && exec "$@"', self.host.path("run"), *command]

    def ask(self, *words, check=True):
        return self.host.run(self.private([*self.program("python3-exabgpcli"), *words]), check=check,
                             env=self.environment)

    def established(self, neighbor):
        answer = self.ask("show", "neighbor", "summary", check=False)
        return any(line.split()[:1] == [neighbor] and "established" in line for line in answer.splitlines())

    def announce(self, a):
        self.announced[a.prefix] = a
        self.ask(f"announce route {self.route_text(a)}")

    @staticmethod
    def route_text(a):
        text = f"{a.prefix} next-hop {a.next_hop}"
        if a.med is not None:
            text += f" med {a.med}"
        if a.communities:
            text += f" community [{' '.join(a.communities)}]"
        return text

    def withdraw(self, prefix):
        self.ask(f"withdraw route {self.route_text(self.announced.pop(prefix))}")

    def paths(self, prefix):
        return self.paths_of([prefix])[prefix]

    def paths_of(self, prefixes):
        lines = self.ask("show", "adj-rib", "in", "extensive", check=False).splitlines()
        return {prefix: [self.path(prefix, line) for line in lines if f" {prefix} " in line] for prefix in prefixes}

    @staticmethod
    def path(prefix, line):
        def word(name):
            match = re.search(rf"(?:^| ){name} (\S+)", line)
            return match and match[1]

        def words(name):
            match = re.search(rf" {name} (?:\[ ?([^]]*)\]|(\S+))", line)
            return tuple((match[1] if match[1] is not None else match[2]).split()) if match else ()

        def number(name):
            return int(word(name)) if word(name) else None

        return Path(prefix=prefix, next_hop=word("next-hop"), as_path=tuple(int(each) for each in words("as-path")),
                    med=number("med"), local_pref=number("local-preference"), origin=(word("origin") or "").lower(),
                    communities=frozenset(words("community")), originator_id=word("originator-id"),
                    cluster_list=words("cluster-list"), peer=word("neighbor"))
