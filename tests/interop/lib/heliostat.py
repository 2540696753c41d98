"""heliostatd of the build under test, asked through heliostat."""

import json
import os
import re
import signal

from . import lab, suite, wait

CLIENT = {"role": "client"}
FAULTS = re.compile(r"runtime error:|AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer")


def scalar(value):
    """JSON is YAML, so what the tests hold in dictionaries is written as it is."""
    return json.dumps(value)


class Heliostat:
    """One daemon. Its configuration is `text`, or made from `groups` {name: settings} and `peers`
    [{"address": ..., "group": ...}]; `groups` alone will do for dynamic ranges. `journal` are settings of the journal, or
    True for the defaults, in a file of the host's folder unless they name another; `router` further ones of the router."""

    def __init__(self, host, text=None, *, as_number=64512, router_id=None, cluster_id=None, groups=None, peers=(),
                 listen=None, name="heliostatd", journal=None, router=None):
        self.host = host
        self.name = name
        self.as_number = as_number
        self.router_id = router_id or f"192.0.2.{host.number}"
        self.cluster_id = cluster_id or self.router_id
        self.groups = groups or {"clients": dict(CLIENT)}
        self.peers = list(peers)
        self.listen = listen or [{"address": "::", "port": 179}]
        self.text = text
        self.router = router or {}
        self.journal = None
        if journal:
            self.journal = {"path": host.path(f"{name}.db"), **(journal if isinstance(journal, dict) else {})}
        self.file = host.path(f"{name}.yaml")
        self.socket = host.path(f"{name}.sock")
        self.process = None

    def configuration_text(self):
        if self.text is not None:
            return self.text
        lines = ["router:", f"  as: {self.as_number}", f"  id: {self.router_id}", f"  cluster-id: {self.cluster_id}",
                 *(f"  {key}: {scalar(value)}" for key, value in self.router.items()),
                 "listen:", *(f"  - {scalar(each)}" for each in self.listen),
                 "groups:", *(f"  {name}: {scalar(each)}" for name, each in self.groups.items())]
        if self.peers:
            lines += ["peers:", *(f"  - {scalar(each)}" for each in self.peers)]
        if self.journal:
            lines.append(f"journal: {scalar(self.journal)}")
        lines += ["management:", f"  socket: {{ path: {self.socket} }}"]
        return "\n".join(lines) + "\n"

    def configure(self):
        with open(self.file, "w") as file:
            file.write(self.configuration_text())

    def argv(self, *words):
        return [suite.build_path("heliostatd"), *words]

    def environment(self):
        return dict(os.environ,
                    ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:exitcode=86",
                    UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:exitcode=86")

    def launch(self):
        """Starts it without waiting for anything."""
        self.configure()
        self.process = self.host.spawn(self.argv("-c", self.file), self.name, env=self.environment())

    def start(self):
        self.launch()
        wait.until(self.answers, 30, f"{self.name} to answer on its socket", self.process.output)

    def answers(self):
        assert self.process.alive(), f"{self.name} ended: {self.process.output()[-800:]}"
        return os.path.exists(self.socket) and self.ask("show", "version", check=False) != ""

    def ask(self, *words, check=True):
        return self.host.run([suite.build_path("heliostat"), "-s", self.socket, *words], check=check)

    def show(self, *words):
        """A `show` command's answer in JSON."""
        return json.loads(self.ask("--json", "show", *words))

    def peers_shown(self):
        return {each["address"]: each for each in self.show("peers")["peers"]}

    def peer(self, address):
        return self.peers_shown().get(address, {})

    def established(self, address):
        return self.peer(address).get("state") == "Established"

    def wait_established(self, addresses, seconds=60):
        def missing():
            shown = self.peers_shown()
            return {each: shown.get(each, {}).get("state", "unknown") for each in addresses
                    if shown.get(each, {}).get("state") != "Established"}
        wait.until(lambda: not missing(), seconds, f"{self.name}'s sessions", missing)

    def reload(self):
        """Writes the configuration as it is now and sends SIGHUP."""
        self.configure()
        self.process.signal_main(signal.SIGHUP)

    def kill(self):
        """kill -9: nothing is flushed, nothing said."""
        self.process.kill()
        self.check_clean()

    def stop(self, seconds=30):
        """SIGTERM. Fails when it does not end with status 0, or a sanitizer spoke."""
        self.process.signal_main(signal.SIGTERM)
        status = self.process.wait(seconds)
        self.check_clean()
        assert status == 0, f"{self.name} ended with status {status}: {self.process.output()[-800:]}"

    def check_clean(self):
        match = FAULTS.search(self.process.output())
        assert not match, f"sanitizer fault in {self.name}: {self.process.output()[match.start():][:1500]}"


def updates_sent(shown_peer):
    """The UPDATE counter of a peer as `show peers` has it."""
    return shown_peer["messages-sent"]["update"]


__all__ = ["Heliostat", "CLIENT", "updates_sent", "lab"]
