#!/usr/bin/python3
"""Sessions to the byte: what heliostatd says to a speaker that does wrong, collides, goes silent, or is
reconfigured. The speaker is raw sockets on the loopback of heliostatd's own namespace, because no real
daemon can be made to err."""

import contextlib
import ctypes
import os
import select
import shutil
import signal
import socket
import struct
import time

from lib import suite, wait
from lib.heliostat import Heliostat

MARKER = b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE_REFRESH = 1, 2, 3, 4, 5
PEER_PORT = 1790
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(host):
    """Sockets made in this block belong to the host's namespace."""
    with open("/proc/self/ns/net") as ours, open(f"/run/netns/{host.namespace}") as theirs:
        assert libc.setns(theirs.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert libc.setns(ours.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())


def message(kind, body=b""):
    return MARKER + struct.pack("!HB", 19 + len(body), kind) + body


def open_message(as_number=64512, hold=90, bgp_id="10.9.9.9", version=4, restart_time=None):
    capabilities = [(1, b"\0\1\0\1"), (1, b"\0\2\0\1"), (2, b""), (65, struct.pack("!I", as_number))]
    if restart_time is not None:
        capabilities.append((64, struct.pack("!H", restart_time) + b"\0\1\1\x80\0\2\1\x80"))
    parameter = b"".join(bytes([code, len(value)]) + value for code, value in capabilities)
    options = bytes([2, len(parameter)]) + parameter
    return message(OPEN, struct.pack("!BHH", version, min(as_number, 65535), hold) + socket.inet_aton(bgp_id)
                   + bytes([len(options)]) + options)


class Speaker:
    """One connection, by hand."""

    def __init__(self, connection):
        self.connection = connection
        self.connection.settimeout(20 * wait.patience())
        self.buffer = b""

    def send(self, data):
        self.connection.sendall(data)

    def close(self):
        self.connection.close()

    def read(self, skip=()):
        """(type, body) of the next message that is not of a type in `skip`; (None, b"") at the end."""
        deadline = time.monotonic() + 20 * wait.patience()
        while True:
            assert time.monotonic() < deadline, f"waited 20 s in vain for a message other than {skip}"
            while len(self.buffer) < 19 or len(self.buffer) < struct.unpack("!H", self.buffer[16:18])[0]:
                data = self.connection.recv(65536)
                if not data:
                    return None, b""
                self.buffer += data
            length, kind = struct.unpack("!HB", self.buffer[16:19])
            body, self.buffer = self.buffer[19:length], self.buffer[length:]
            if kind not in skip:
                return kind, body

    def expect(self, kind, skip=()):
        found, body = self.read(skip)
        assert found == kind, f"found message type {found} {body.hex()}, expected {kind}"
        return body

    def establish(self, **settings):
        self.expect(OPEN)
        self.send(open_message(**settings) + message(KEEPALIVE))
        self.expect(KEEPALIVE)
        self.expect(UPDATE, skip=(KEEPALIVE,))  # the first End-of-RIB
        return self

    def expect_notification(self, code, subcode, data=None):
        """The NOTIFICATION, and the end of the connection behind it."""
        body = self.expect(NOTIFICATION, skip=(OPEN, UPDATE, KEEPALIVE, ROUTE_REFRESH))
        assert body[:2] == bytes([code, subcode]), f"found NOTIFICATION {body.hex()}, expected {code}/{subcode}"
        assert data is None or body[2:] == data, f"found data {body[2:].hex()}, expected {data.hex()}"
        kind, _ = self.read()
        assert kind is None, f"found message type {kind} behind the NOTIFICATION, expected the end"
        self.close()

    def silent(self, seconds):
        return not select.select([self.connection], [], [], seconds)[0]


class Hub:
    """A heliostatd that accepts 127.1.0.0/16 and ::1 and has the peers that a test adds."""

    def __init__(self, t, peers=(), **group):
        self.host = t.lab().host("hub")
        settings = {"role": "client", "dynamic": ["127.1.0.0/16", "::1/128"], "connect-retry": 1, **group}
        self.rr = Heliostat(self.host, router_id="10.0.0.5", groups={"nodes": settings}, peers=peers)
        self.rr.start()

    def dial(self, source="127.1.0.1", target=None, port=179, receive_buffer=None):
        target = target or ("::1" if ":" in source else "127.0.0.1")
        with inside(self.host):
            connection = socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.bind((source, 0))
        connection.settimeout(20)
        connection.connect((target, port))
        return Speaker(connection)

    def listen(self, address):
        with inside(self.host):
            listener = socket.create_server((address, PEER_PORT))
        listener.settimeout(30 * wait.patience())
        return listener

    def log_has(self, text):
        wait.until(lambda: text in self.rr.process.output(), 20, f"a log line with '{text}'")

    def last_down(self, address):
        return self.rr.peer(address).get("last-down")

    def stop(self):
        self.rr.stop()


@suite.test
def faults(t):
    hub = Hub(t)
    update = struct.pack("!HH", 0, 255)
    # name, sent before the session is up (None: it is brought up first), then what is wrong, and the answer
    cases = [
        ("marker", b"", b"\0" * 19, 1, 1, b""),
        ("length below the header", b"", MARKER + b"\0\x12\4", 1, 2, b"\0\x12"),
        ("length above 4096", b"", MARKER + b"\x10\1\4", 1, 2, b"\x10\1"),
        ("length of KEEPALIVE", b"", MARKER + b"\0\x14\4\0", 1, 2, b"\0\x14"),
        ("type", b"", message(9), 1, 3, b"\x09"),
        ("version", b"", open_message(version=3), 2, 1, b"\0\4"),
        ("peer AS", b"", open_message(as_number=64999), 2, 2, None),
        ("BGP Identifier 0", b"", open_message(bgp_id="0.0.0.0"), 2, 3, None),
        ("our own BGP Identifier", b"", open_message(bgp_id="10.0.0.5"), 2, 3, None),
        ("hold time", b"", open_message(hold=2), 2, 6, None),
        ("KEEPALIVE in OpenSent", b"", message(KEEPALIVE), 5, 1, b"\4"),
        ("UPDATE in OpenSent", b"", message(UPDATE, b"\0\0\0\0"), 5, 1, b"\2"),
        ("OPEN in OpenConfirm", open_message(), open_message(), 5, 2, b"\1"),
        ("UPDATE in OpenConfirm", open_message(), message(UPDATE, b"\0\0\0\0"), 5, 2, b"\2"),
        ("OPEN in Established", None, open_message(), 5, 3, b"\1"),
        ("marker in Established", None, b"\0" * 19, 1, 1, b""),
        ("attributes behind the end", None, message(UPDATE, update), 3, 1, None),
        ("length of ROUTE-REFRESH", None, message(ROUTE_REFRESH, b"\0\1\0"), 7, 1, None),
    ]
    for number, (name, before, wrong, code, subcode, data) in enumerate(cases, 1):
        with t.case(name):
            speaker = hub.dial(f"127.1.1.{number}")
            if before is None:
                speaker.establish()
            else:
                speaker.send(before)
            speaker.send(wrong)
            speaker.expect_notification(code, subcode, data)
    with t.case("why is in show peers"):
        assert "Bad Peer AS" in hub.last_down("127.1.1.7"), hub.last_down("127.1.1.7")
    with t.case("a peer that fails again and again has to wait"):
        for _ in range(3):
            speaker = hub.dial("127.1.2.1")
            speaker.send(b"\0" * 19)
            speaker.expect_notification(1, 1)
        assert hub.dial("127.1.2.1").read() == (None, b"")
        hub.log_has("fail again and again")
    with t.case("ends clean"):
        hub.stop()


@suite.test
def connections(t):
    hub = Hub(t)
    with t.case("an address that nothing covers is closed and counted"):
        for _ in range(3):
            assert hub.dial("127.2.0.1").read() == (None, b"")
        hub.log_has("connection from 127.2.0.1 refused")
        hub.log_has("more connections refused")
        assert hub.rr.show("summary")["connections-refused"] == 3, hub.rr.show("summary")
    with t.case("byte by byte"):
        speaker = hub.dial("127.1.0.2")
        for byte in open_message() + message(KEEPALIVE):
            speaker.send(bytes([byte]))
        speaker.expect(OPEN)
        speaker.expect(KEEPALIVE)
        speaker.expect(UPDATE)
    with t.case("many messages at once"):
        speaker = hub.dial("127.1.0.3")
        speaker.send(open_message() + message(KEEPALIVE) * 5000 + message(NOTIFICATION, b"\6\2\5hello"))
        assert speaker.read((OPEN, KEEPALIVE, UPDATE)) == (None, b"")
        wait.until(lambda: hub.last_down("127.1.0.3") == "received Cease/Administrative Shutdown: hello", 20,
                   "the reason in show peers", lambda: hub.last_down("127.1.0.3"))
        assert hub.rr.peer("127.1.0.3")["messages-received"]["keepalive"] == 5000
    with t.case("a long reason is cut at a character"):
        speaker = hub.dial("127.1.0.7").establish()
        text = ("a" + "\u00e9" * 120).encode()
        speaker.send(message(NOTIFICATION, b"\6\2" + bytes([len(text)]) + text))
        speaker.close()
        wait.until(lambda: hub.last_down("127.1.0.7").endswith("aé" + "é" * 62), 20, "the reason, in whole characters",
                   lambda: hub.last_down("127.1.0.7"))
    with t.case("a second connection while Established"):
        first = hub.dial("::1").establish()
        hub.dial("::1").expect_notification(6, 7)
        first.expect(KEEPALIVE, skip=(UPDATE,))  # the first is asked whether it is still there
        assert hub.rr.established("::1")
    with t.case("the hold timer"):
        speaker = hub.dial("127.1.0.4").establish(hold=3)
        speaker.expect_notification(4, 0)
    with t.case("a hold time of 0"):
        speaker = hub.dial("127.1.0.5").establish(hold=0)
        speaker.expect(UPDATE)  # the End-of-RIB of the other family
        assert speaker.silent(1)
        assert hub.rr.established("127.1.0.5")
    with t.case("a dynamic peer that is down stays in sight"):
        assert "Hold Timer Expired" in hub.last_down("127.1.0.4")
    with t.case("SIGTERM"):
        last = hub.dial("127.1.0.6").establish()
        hub.rr.process.signal_main(15)
        last.expect_notification(6, 4)  # it is to be started again: Administrative Reset
        assert hub.rr.process.wait() == 0
        hub.rr.check_clean()


@suite.test
def connections_of_a_peer_with_graceful_restart(t):
    """RFC 4724 section 4.2: the peer's next OPEN ends the session; a connection alone, of whoever it is, does not."""
    hub = Hub(t)
    address = "127.1.3.1"
    first = hub.dial(address).establish(restart_time=60)
    wait.until(lambda: hub.rr.peer(address)["state-seconds"] >= 3, 30, "connections to be none that cross the first")
    cases = [
        ("a probe of the port", None),
        ("no BGP", b"GET / HTTP/1.1\r\n\r\n"),
        ("no OPEN", message(KEEPALIVE)),
        ("an OPEN of another AS", open_message(as_number=64999, restart_time=60)),
    ]
    for name, data in cases:
        with t.case(name):
            accepted = hub.rr.show("summary")["connections-accepted"]
            other = hub.dial(address)
            if data is None:
                other.close()
            else:
                other.send(data)
                other.expect_notification(6, 7)
            wait.until(lambda n=accepted: hub.rr.show("summary")["connections-accepted"] > n, 20, "the connection")
            assert hub.rr.peer(address)["state"] == "Established", hub.rr.peer(address)
            assert hub.rr.peer(address)["established-count"] == 1
    with t.case("an OPEN of the peer, byte by byte"):
        other = hub.dial(address)
        for byte in open_message(restart_time=60) + message(KEEPALIVE):
            other.send(bytes([byte]))
        other.expect(OPEN)
        other.expect(KEEPALIVE)
        wait.until(lambda: hub.rr.peer(address)["established-count"] == 2, 20, "the second session")
        assert first.read((UPDATE, KEEPALIVE)) == (None, b"")  # closed without a NOTIFICATION
        assert "the peer has connected again" in hub.last_down(address), hub.last_down(address)
    with t.case("silent, and taken when the session ends"):
        wait.until(lambda: hub.rr.peer(address)["state-seconds"] >= 3, 30, "connections to be none that cross the second")
        third = hub.dial(address)
        assert third.silent(0.5)
        other.close()
        third.establish(restart_time=60)
        wait.until(lambda: hub.rr.peer(address)["established-count"] == 3, 20, "the third session")
    hub.stop()


def announcement(number):
    """Up to 200 prefixes with attributes of their own."""
    attributes = (b"\x40\1\1\0" b"\x40\2\0" b"\x40\3\4\x0a\x09\0\1"
                  b"\x40\5\4" + struct.pack("!I", number))
    nlri = b"".join(struct.pack("!BBHB", 32, 20, number, last) for last in range(140 + number * 7 % 61))
    return message(UPDATE, struct.pack("!HH", 0, len(attributes)) + attributes + nlri)


@suite.test
def cease_to_a_peer_that_does_not_read(t):
    hub = Hub(t)
    deaf = hub.dial("127.1.0.2", receive_buffer=4096).establish(bgp_id="10.9.9.8")
    feeder = hub.dial().establish()
    for number in range(5000):
        feeder.send(announcement(number))
    wait.until(lambda: hub.rr.show("summary")["updates-received"] >= 5000, 60, "the UPDATEs to arrive",
               lambda: hub.rr.show("summary"))
    wait.still(lambda: hub.rr.peer("127.1.0.2")["messages-sent"]["update"], 1, "the socket of the peer to be full")
    hub.rr.process.signal_main(15)
    hub.log_has("peer 127.1.0.2 (nodes): session down")
    updates = 0
    kind, body = deaf.read((KEEPALIVE,))
    while kind == UPDATE:
        updates += 1
        kind, body = deaf.read((KEEPALIVE,))
    assert (kind, body[:2]) == (NOTIFICATION, b"\6\4"), f"found message type {kind} {body.hex()} behind whole UPDATEs"
    assert updates < 5000, "the peer took everything: it was not deaf"
    assert hub.rr.process.wait() == 0
    hub.rr.check_clean()


def collide(t, bgp_id, theirs_wins):
    hub = Hub(t)
    hub.rr.peers = [{"address": "127.3.0.1", "group": "nodes", "port": PEER_PORT}]
    listener = hub.listen("127.3.0.1")
    hub.rr.reload()
    outgoing = Speaker(listener.accept()[0])  # heliostatd's connection
    incoming = hub.dial("127.3.0.1")  # ours
    outgoing.expect(OPEN)
    incoming.expect(OPEN)
    outgoing.send(open_message(bgp_id=bgp_id))
    outgoing.expect(KEEPALIVE)
    incoming.send(open_message(bgp_id=bgp_id))
    kept, closed = (incoming, outgoing) if theirs_wins else (outgoing, incoming)
    closed.expect_notification(6, 7)
    kept.send(message(KEEPALIVE))
    kept.expect(UPDATE, skip=(KEEPALIVE,))
    assert hub.rr.established("127.3.0.1")
    kept.close()
    Speaker(listener.accept()[0]).establish(bgp_id=bgp_id)  # it comes back by itself
    hub.stop()


@suite.test
def collision_the_peers_identifier_is_higher(t):
    collide(t, "10.0.0.6", True)


@suite.test
def collision_our_identifier_is_higher(t):
    collide(t, "10.0.0.4", False)


@suite.test
def reload(t):
    hub = Hub(t)
    group = hub.rr.groups["nodes"]
    listener = hub.listen("127.3.0.1")

    def reloaded(text="is in force"):
        before = hub.rr.process.output().count(text)
        hub.rr.reload()
        wait.until(lambda: hub.rr.process.output().count(text) > before, 20, f"a log line with '{text}'")

    hub.rr.peers = [{"address": "127.3.0.1", "group": "nodes", "port": PEER_PORT, "description": "one"}]
    reloaded()
    configured = Speaker(listener.accept()[0]).establish()
    dynamic = hub.dial().establish()
    with t.case("a description touches nothing"):
        hub.rr.peers[0]["description"] = "two"
        reloaded()
        assert hub.rr.peer("127.3.0.1")["description"] == "two"
        assert hub.rr.peer("127.3.0.1")["established-count"] == 1 and hub.rr.established("127.3.0.1")
    with t.case("a role is changed without a new session"):
        group["role"] = "non-client"
        reloaded("settings changed without a new session")
        assert hub.rr.established("127.3.0.1") and hub.rr.established("127.1.0.1")
    with t.case("a faulty file changes nothing"):
        group["rolle"] = "client"
        reloaded("the old configuration stays")
        hub.log_has("rolle")
        del group["rolle"]
        assert hub.rr.established("127.3.0.1") and hub.rr.established("127.1.0.1")
    with t.case("a hold time resets"):
        group["hold-time"] = 30
        reloaded()
        configured.expect_notification(6, 6)
        dynamic.expect_notification(6, 6)
        configured = Speaker(listener.accept()[0]).establish()
    with t.case("a peer that goes, and one that stays"):
        dynamic = hub.dial().establish()
        hub.rr.peers = []
        reloaded()
        configured.expect_notification(6, 3)
        assert hub.rr.established("127.1.0.1")
        assert "127.3.0.1" not in hub.rr.peers_shown()
    with t.case("listeners"):
        hub.rr.listen = [{"address": "127.0.0.1", "port": 179}, {"address": "127.0.0.1", "port": 1179}]
        reloaded()
        hub.dial("127.1.0.9", port=1179).expect(OPEN)
        try:
            hub.dial("::1")
            raise AssertionError("found a listener on ::, expected none")
        except ConnectionRefusedError:
            pass
        assert hub.rr.established("127.1.0.1")
    with t.case("a listener that cannot be had changes nothing"):
        taken = hub.listen("127.0.0.9")
        hub.rr.listen.append({"address": "127.0.0.9", "port": PEER_PORT})
        reloaded("the old configuration stays")
        hub.dial("127.1.0.10", port=1179).expect(OPEN)
        hub.rr.listen.pop()
        taken.close()
    with t.case("another BGP Identifier resets all"):
        hub.rr.router_id = hub.rr.cluster_id = "10.0.0.7"
        reloaded()
        dynamic.expect_notification(6, 6)
        body = hub.dial().expect(OPEN)
        assert body[5:9] == socket.inet_aton("10.0.0.7"), body.hex()
    with t.case("ends clean"):
        hub.stop()


@suite.test
def restart_without_the_program(t):
    rr = Heliostat(t.lab().host("hub"))
    program = rr.host.path("program")
    rr.argv = lambda *words: [program, *words]

    def restarted(times):
        rr.ask("restart")
        wait.until(lambda: rr.process.output().count("heliostatd 0.1.0 started") == times, 20, "the next start",
                   rr.process.output)
        wait.until(rr.answers, 20, "an answer")
        return rr.process.output().count("going on with the program as it was")
    shutil.copy(suite.build_path("heliostatd"), program)
    rr.start()
    with t.case("it has been removed: what runs goes on"):
        os.unlink(program)
        assert restarted(2) == 1, rr.process.output()
    with t.case("it is back: it is started"):
        shutil.copy(suite.build_path("heliostatd"), program)
        assert restarted(3) == 1, rr.process.output()
    rr.stop()


@suite.test
def end_of_a_restart(t):
    """SIGTERM at any moment of a restart ends the daemon, and SIGHUP does it no harm."""
    rr = Heliostat(t.lab().host("hub"), journal=True)
    with t.case("SIGTERM"):
        for step in range(12):
            rr.start()
            rr.ask("restart")
            time.sleep(step * 0.02)  # into the restart; where to, the machine decides
            rr.process.signal_main(signal.SIGTERM)
            assert rr.process.wait() == 0, rr.process.output()
    with t.case("SIGHUP"):
        rr.start()
        for _ in range(4):
            before = rr.process.output().count("heliostatd 0.1.0 started")  # by all that ran under this name
            deadline = time.monotonic() + 20
            rr.ask("restart")
            while rr.process.output().count("heliostatd 0.1.0 started") == before:
                assert time.monotonic() < deadline and rr.process.alive(), rr.process.output()[-800:]
                rr.process.signal_main(signal.SIGHUP)
            wait.until(rr.answers, 20, "an answer")
    rr.stop()


@suite.test
def start(t):
    host = t.lab().host("hub")
    with inside(host):
        taken = socket.create_server(("127.0.0.1", 1179))
    rr = Heliostat(host, listen=[{"address": "127.0.0.1", "port": 1179}])

    def status_of(*words):
        process = host.spawn(rr.argv(*words), f"try{len(host.lab.processes)}", env=rr.environment())
        return process.wait(), process.output()

    rr.configure()
    with t.case("port in use"):
        status, output = status_of("-c", rr.file)
        assert (status, output) == (1, "heliostatd: cannot listen on 127.0.0.1:1179: Address already in use\n"), output
    taken.close()
    with t.case("--check says yes"):
        assert status_of("-c", rr.file, "--check")[0] == 0
    with t.case("--check says no"):
        wrong = host.write("wrong.yaml", "router: { as: 1, id: 10.0.0.1, identity: 2 }\ngroups: {}\n")
        status, output = status_of("-c", wrong, "--check")
        assert status == 1 and f"{wrong}:1:" in output and "identity" in output, output
    with t.case("no such file"):
        status, output = status_of("-c", host.path("none.yaml"))
        assert status == 1 and output.count("\n") == 1 and "No such file" in output, output
    with t.case("usage"):
        assert status_of("--nonsense")[0] == 2 and status_of("nonsense")[0] == 2
    with t.case("too few open files: the limit is raised as far as it goes, and one line says what is missing"):
        rr.groups = {"clients": {"role": "client", "dynamic": ["10.0.0.0/16"]}}
        rr.configure()
        process = host.spawn(["/bin/sh", "-c", 'ulimit -Sn 200 && ulimit -Hn 300 && exec "$@"', "sh", *rr.argv("-c", rr.file)],
                             "limited", env=rr.environment())
        wait.until(lambda: "found a limit of " in process.output(), 20, "the warning", process.output)
        assert process.output().count("found a limit of 300 open files, expected 5129 for 0 configured peers and 5000 ") == 1, \
            process.output()
        process.signal_main(signal.SIGTERM)
        assert process.wait() == 0, process.output()
    with t.case("version"):
        status, output = status_of("--version")
        assert status == 0 and output.startswith("heliostatd "), output


suite.main(parallel=True)
