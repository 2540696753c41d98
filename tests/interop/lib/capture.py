"""What a host sends and receives on port 179, and what tshark's dissector says of it."""

import collections
import os
import signal
import time
import xml.etree.ElementTree as xml

from . import lab, wait


class Capture:
    def __init__(self, host, port=179, name="capture"):
        self.host = host
        self.port = port
        self.name = name
        self.file = host.path(f"{name}.pcapng")
        self.process = None

    def start(self):
        # -B: MiB of kernel buffer.
        self.process = self.host.spawn(["dumpcap", "-q", "-i", "eth0", "-f", f"tcp port {self.port}", "-B", "32",
                                        "-w", self.file], f"dumpcap-{self.name}")
        wait.until(lambda: "File: " in self.process.output() and os.path.exists(self.file)
                   and os.path.getsize(self.file) > 0, 20, "dumpcap to capture", self.process.output)

    def stop(self):
        """Ends it. The kernel hands packets over in blocks, and what it still holds would be lost."""
        begin = time.monotonic()
        first = last = os.path.getsize(self.file)
        changed = begin

        def handed_over():
            """Nothing comes any more, or what comes is much younger than this call."""
            nonlocal last, changed
            now, size = time.monotonic(), os.path.getsize(self.file)
            if size != last:
                last, changed = size, now
            return now - changed > 1.5 or (now - begin > 4 and last > first and now - changed < 0.5)
        wait.until(handed_over, 60, "the capture to be written")
        self.process.signal_main(signal.SIGINT)
        self.process.wait()
        output = self.process.output()
        assert "dropped" not in output or "/0 (" in output or "0 (0" in output or "100.0%" in output, \
            f"dumpcap dropped packets: {output}"

    def tshark(self, display_filter, *options):
        return lab.command(["tshark", "-r", self.file, "-d", f"tcp.port=={self.port},bgp", "-Y", display_filter,
                            *options], timeout=300)

    def sent_by(self, addresses):
        return "(" + " || ".join(f"{'ipv6' if ':' in each else 'ip'}.src == {each}" for each in addresses) + ")"

    def message_types(self, addresses):
        """How many messages of each type (RFC 4271 section 4.1) the addresses sent."""
        counts = collections.Counter()
        for line in self.tshark(f"bgp && {self.sent_by(addresses)}", "-T", "fields", "-e", "bgp.type").splitlines():
            counts.update(int(each) for each in line.split(",") if each)
        return counts

    def faults(self, addresses):
        """What the dissector finds malformed, or warns of, inside BGP in what the addresses sent."""
        shown = self.tshark(f"bgp && {self.sent_by(addresses)} && (_ws.malformed || _ws.expert.severity >= 0x600000)",
                            "-T", "pdml")
        found = []
        for packet in xml.fromstring(shown).iter("packet"):
            number = packet.find("./proto[@name='geninfo']/field[@name='num']").get("show")
            for protocol in packet.findall("proto"):
                if protocol.get("name") == "_ws.malformed":
                    found.append(f"frame {number}: malformed packet")
                if protocol.get("name") != "bgp":
                    continue
                for expert in protocol.iter("field"):
                    if expert.get("name") == "_ws.expert":
                        severity = expert.find("field[@name='_ws.expert.severity']")
                        if severity is not None and int(severity.get("show"), 0) >= 0x600000:
                            message = expert.find("field[@name='_ws.expert.message']")
                            found.append(f"frame {number}: {message.get('show') if message is not None else '?'}")
        return found
