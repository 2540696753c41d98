"""heliostat-speaker of the build under test: many BGP speakers in one process, told what to do line by
line. tests/bench/README.md describes the commands.

    speakers = Speaker(host)
    speakers.route_addresses("10.98.0.0/16", "fd00:98::/64", hub)   # addresses of their own
    speakers.start()
    speakers.tell(f"target {hub.ipv4} 179",
                  "peers nodes 50 from 10.98.0.1 as 64512 id-from 10.98.0.1 add-path both",
                  "announce nodes 192.0.2.1/32 same", "connect nodes", "wait established nodes")
    answer = speakers.ask("check nodes cluster-id 192.0.2.1")       # a failure raises, with the reply
"""

import json
import os
import select
import subprocess
import time

from . import lab, suite, wait


class Speaker:
    def __init__(self, host, name="speaker"):
        self.host = host
        self.name = name
        self.process = None
        self.events = []  # session events so far
        self.rest = b""

    def route_addresses(self, ipv4=None, ipv6=None, hub=None):
        """Makes every address of the networks one of this host, and routes them here from `hub`."""
        for network, via in ((ipv4, self.host.ipv4), (ipv6, self.host.ipv6)):
            if network is None:
                continue
            family = "-6" if ":" in network else "-4"
            lab.command(["ip", "-n", self.host.namespace, family, "route", "add", "local", network, "dev", "lo"])
            lab.command(["ip", "-n", hub.namespace, family, "route", "add", network, "via", via])

    def start(self):
        environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:exitcode=86",
                           UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:exitcode=86")
        self.process = self.host.spawn([suite.build_path("heliostat-speaker")], self.name, env=environment,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def line(self, deadline):
        """The next line that it writes, as JSON."""
        stdout = self.process.popen.stdout
        while b"\n" not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stdout], [], [], left)[0]:
                raise wait.Expired(f"{self.name} did not answer in time")
            more = os.read(stdout.fileno(), 1 << 20)
            if not more:
                raise AssertionError(f"{self.name} ended: {self.process.output()[-1500:]}")
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def ask(self, command, check=True, seconds=900):
        """One command; its reply. The timeouts of `wait` are the script's own; `seconds` guards against a hang."""
        words = command.split()
        if words[0] == "wait" and "timeout" in words:
            words[-1] = str(float(words[-1]) * wait.patience())
            command = " ".join(words)
        self.process.popen.stdin.write(command.encode() + b"\n")
        self.process.popen.stdin.flush()
        deadline = time.monotonic() + seconds * wait.patience()
        while True:
            answer = self.line(deadline)
            if "event" in answer:
                self.events.append(answer)
                continue
            if check and not answer["ok"]:
                listed = " ".join(answer.get("list", ()))
                raise AssertionError(f"{command}: {answer['error']} {listed}")
            return answer

    def tell(self, *commands):
        """Several commands, each of which must succeed; the last reply."""
        answer = None
        for command in commands:
            answer = self.ask(command)
        return answer

    def stop(self):
        """Ends all sessions with Cease. Fails when a sanitizer spoke."""
        self.ask("quit")
        status = self.process.wait(60)
        output = self.process.output()
        assert status != 86 and "runtime error" not in output, f"sanitizer fault in {self.name}: {output[-1500:]}"


def dump(path):
    """A table that `dump` wrote: {(prefix, path ID): {column: value}}."""
    columns = ("prefix", "path-id", "next-hop", "as-path", "origin", "local-pref", "med", "communities",
               "originator-id", "cluster-list", "other")
    table = {}
    with open(path) as file:
        for line in file:
            row = dict(zip(columns, line.rstrip("\n").split("|"), strict=True))
            key = (row["prefix"], int(row["path-id"]))
            assert key not in table, f"{path}: {key} twice"
            table[key] = row
    return table
