#!/usr/bin/python3
"""Both reflectors of a cluster restarted at once, as in Calico's issue 9259: issue "Shows" 2.

Nodes as Calico makes them (BIRD 1.6 with graceful restart and ADD-PATH) and BIRD 2, each with a session to both reflectors. SIGTERM
to both at the same moment; they stay away for a while (seconds instead of the minute, with timers to match); no
node may lose the route to any other node's addresses, not for a tenth of a second.
"""

import signal

from lib import suite, wait
from lib.bird import Bird2, Bird16
from lib.heliostat import Heliostat
from lib.route import Announcement
from lib.watch import INTERVAL, LOGGED, Watch

AS = 64512
CLUSTER = "203.0.113.1"
RESTART_TIME = 60  # seconds
AWAY = 8  # seconds
NODES = 6


class Cluster:
    def __init__(self, t):
        lab = t.lab()
        hosts = [lab.host(name) for name in ("east", "west")]
        self.reflectors = [Heliostat(host, as_number=AS, cluster_id=CLUSTER, journal=True, router={"restart-time": RESTART_TIME},
                                     groups={"nodes": {"role": "client", "dynamic": ["10.99.0.0/16"]},
                                             "mates": {"role": "non-client"}},
                                     peers=[{"address": other.ipv4, "group": "mates"}])
                           for host, other in (hosts, hosts[::-1])]
        targets = [host.ipv4 for host in hosts]
        self.nodes = []
        for k in range(NODES):
            host = lab.host(f"node{k + 1}")
            words = (host, AS, f"198.51.100.{host.number}", targets)
            self.nodes.append(Bird16(*words, families=("ipv4-unicast",), extra=LOGGED) if k % 2
                              else Bird2(*words, extra="\tgraceful restart on;\n" + LOGGED))

    def start(self):
        for each in (*self.reflectors, *self.nodes):
            each.start()
        for node in self.nodes:
            n = node.host.number
            node.announce(Announcement(f"10.{n}.0.0/26", f"10.99.0.{100 + n}", n))
            if "ipv6-unicast" in node.families:
                node.announce(Announcement(f"fd00:{n}::/64", f"fd00:99::{100 + n}", n))
        for reflector in self.reflectors:
            reflector.wait_established([node.host.ipv4 for node in self.nodes])

    def required(self):
        """What each node must have of the others."""
        return {node: {prefix for other in self.nodes if other is not node for prefix, each in other.announced.items()
                       if not each.ipv6 or "ipv6-unicast" in node.families} for node in self.nodes}

    def fault(self):
        """Every node has every other's routes from both reflectors, each of them right."""
        sources = {reflector.host.ipv4 for reflector in self.reflectors}
        for node, prefixes in self.required().items():
            for prefix, paths in node.paths_of(sorted(prefixes)).items():
                sent = next(other.announced[prefix] for other in self.nodes if prefix in other.announced)
                hops = {path.next_hop for path in paths}
                if len(paths) != len(sources) or hops != {sent.next_hop}:
                    return f"{prefix} at {node.host.name} is {paths}, expected next hop {sent.next_hop} from {sources}"
        return ""

    def wait_whole(self):
        wait.until(lambda: not self.fault(), 90, "every route at every node from both reflectors", self.fault)


@suite.test
def both_at_once(t):
    cluster = Cluster(t)
    cluster.start()
    cluster.wait_whole()
    watch = Watch(cluster.nodes, cluster.required())
    watch.start()
    for reflector in cluster.reflectors:
        reflector.process.signal_main(signal.SIGTERM)
    for reflector in cluster.reflectors:
        with t.case(f"{reflector.host.name} ends as it should"):
            status = reflector.process.wait(30)
            reflector.check_clean()
            assert status == 0, f"found status {status}, expected 0: {reflector.process.output()[-600:]}"
    begin = {each: each.samples for each in watch.watchers}
    wait.until(lambda: all(each.samples >= n + AWAY / INTERVAL or each.failure for each, n in begin.items()), AWAY * 10,
               f"{AWAY} s of samples without any reflector")
    with t.case("the sessions were down meanwhile"):
        up = [node.host.name for node in cluster.nodes for target in node.neighbors if node.established(target)]
        assert not up, f"found sessions of {up}"
    for reflector in cluster.reflectors:
        reflector.start()
    for reflector in cluster.reflectors:
        reflector.wait_established([node.host.ipv4 for node in cluster.nodes], 90)
    cluster.wait_whole()
    for reflector in cluster.reflectors:
        wait.until(lambda r=reflector: not any(each["stale"] for each in r.show("routes")["routes"]), RESTART_TIME + 30,
                   f"{reflector.host.name} without stale routes", lambda r=reflector: r.ask("show", "routes"))
    cluster.wait_whole()
    watch.stop()
    t.note(watch.described())
    watch.check()
    for node in cluster.nodes:
        with t.case(f"{node.host.name} ({node.kind}) never lost a route to another node"):
            losses = [each for each in watch.losses if each.startswith(f"{node.host.name} ")]
            assert not losses, f"{len(losses)} losses: {losses[:4]}"
    for reflector in cluster.reflectors:
        reflector.stop()


suite.main(parallel=True)
