"""A BGP speaker that writes down what it is told: every announcement and withdraw with its time, and what it would
have to flush. It is a Graceful Restart helper by the letter of RFC 4724 section 4.2, so that what a reflector does to such
a client is seen without any daemon's own kindness. With a sequence number in each route that it announces (MED, and
again as two communities' halves) any state of a reflector can be dated.

    r = Recorder(host, hub.ipv4, bgp_id="10.9.9.1")
    r.announce(["192.0.2.0/24"])     # kept over sessions; each call is one more step of the prefix
    r.connect()                      # in the background, again and again until disconnect()
    wait.until(lambda: r.established, 20, "the session")
    r.table                          # {prefix: Route} as received
"""

import collections
import ctypes
import ipaddress
import os
import select
import socket
import struct
import threading
import time

CLONE_NEWNET = 0x40000000
MARKER = b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE = 1, 2, 3, 4
NAMES = {"ipv4-unicast": (1, 1), "ipv6-unicast": (2, 1)}
FAMILIES = {pair: name for name, pair in NAMES.items()}
# Path attributes (RFC 4271, 1997, 4456, 4760).
ORIGIN, AS_PATH, NEXT_HOP, MED, LOCAL_PREF, COMMUNITIES, ORIGINATOR_ID, MP_REACH, MP_UNREACH = 1, 2, 3, 4, 5, 8, 9, 14, 15
libc = ctypes.CDLL(None, use_errno=True)

Route = collections.namedtuple("Route", "sequence communities next_hop originator_id")
# kind: announced, withdrawn; flushed (stale at End-of-RIB), dropped (its family was not preserved), end-of-rib, up, down
Event = collections.namedtuple("Event", "time kind prefix sequence")
# What an announcer did to a prefix: sequence None is a withdraw that comes after the announcement `after`.
Step = collections.namedtuple("Step", "time number announced")


def marks(sequence):
    """The communities that carry a sequence number, so that a MED of one update with other attributes shows."""
    return f"64000:{sequence >> 16}", f"64001:{sequence & 0xffff}"


def message(kind, body=b""):
    return MARKER + struct.pack("!HB", 19 + len(body), kind) + body


def prefix_bytes(prefix):
    network = ipaddress.ip_network(prefix)
    return bytes([network.prefixlen]) + network.network_address.packed[:(network.prefixlen + 7) // 8]


def prefixes_of(data, ipv6):
    """The prefixes of an NLRI field (RFC 4271 section 4.3)."""
    size, found, at = 16 if ipv6 else 4, [], 0
    while at < len(data):
        count = (data[at] + 7) // 8
        address = data[at + 1:at + 1 + count].ljust(size, b"\0")
        found.append(f"{socket.inet_ntop(socket.AF_INET6 if ipv6 else socket.AF_INET, address)}/{data[at]}")
        at += 1 + count
    return found


def attribute(flags, code, value):
    return struct.pack("!BBH", flags | 0x10, code, len(value)) + value


class Recorder:
    def __init__(self, host, target, bgp_id, *, as_number=64512, families=tuple(NAMES), restart_time=120, hold=90,
                 source=None, end_of_rib=True):
        """`restart_time` None: without the Graceful Restart capability. `source`: its address; the host's own if not given."""
        self.host = host
        self.target = target
        self.source = source or (host.ipv6 if ":" in target else host.ipv4)
        self.bgp_id = bgp_id
        self.as_number = as_number
        self.families = tuple(families)
        self.restart_time = restart_time
        self.hold = hold
        self.end_of_rib = end_of_rib
        self.lock = threading.RLock()
        self.steps = {}  # {prefix: [Step]}: what it announced and withdrew, with or without a session
        self.announced = {}  # {prefix: sequence}
        self.table = {}  # {prefix: Route}
        self.stale = set()  # of these, not announced since the session that ended
        self.events = []
        self.received = {}  # {prefix: [Event]} of the table's changes
        self.ended = set()  # families whose End-of-RIB came in this session
        self.established = False
        self.peer = {}  # the reflector's Graceful Restart capability: time, restarting, families
        self.notifications = []  # (time, code, subcode)
        self.held = 0  # sequence numbers given so far
        self.connection = None
        self.wanted = False
        self.thread = None
        self.failure = None

    # What it announces.

    def step(self, prefix, announced):
        self.held += 1
        self.steps.setdefault(prefix, []).append(Step(time.monotonic(), self.held, announced))
        return self.held

    def announce(self, prefixes):
        with self.lock:
            for prefix in prefixes:
                self.announced[prefix] = self.step(prefix, True)
            self.transmit(b"".join(self.update(prefix) for prefix in prefixes))

    def withdraw(self, prefixes):
        with self.lock:
            for prefix in prefixes:
                del self.announced[prefix]
                self.step(prefix, False)
            self.transmit(b"".join(self.withdrawal(prefix) for prefix in prefixes))

    def update(self, prefix):
        sequence = self.announced[prefix]
        communities = b"".join(struct.pack("!HH", *map(int, each.split(":"))) for each in marks(sequence))
        parts = [attribute(0x40, ORIGIN, b"\0"), attribute(0x40, AS_PATH, b""),
                 attribute(0x80, MED, struct.pack("!I", sequence)), attribute(0x40, LOCAL_PREF, struct.pack("!I", 100)),
                 attribute(0xc0, COMMUNITIES, communities)]
        nlri = prefix_bytes(prefix)
        if ":" in prefix:
            hop = socket.inet_pton(socket.AF_INET6, f"fd00::{self.bgp_id}")
            parts.insert(0, attribute(0x80, MP_REACH, struct.pack("!HBB", 2, 1, 16) + hop + b"\0" + nlri))
            nlri = b""
        else:
            parts.insert(2, attribute(0x40, NEXT_HOP, socket.inet_aton(self.bgp_id)))
        block = b"".join(parts)
        return message(UPDATE, struct.pack("!HH", 0, len(block)) + block + nlri)

    @staticmethod
    def withdrawal(prefix):
        nlri = prefix_bytes(prefix)
        if ":" not in prefix:
            return message(UPDATE, struct.pack("!H", len(nlri)) + nlri + b"\0\0")
        block = attribute(0x80, MP_UNREACH, struct.pack("!HB", 2, 1) + nlri)
        return message(UPDATE, struct.pack("!HH", 0, len(block)) + block)

    def transmit(self, data):
        """A session that ends meanwhile is noticed by its reader; what was not sent is sent when it is back."""
        if self.established and data:
            try:
                self.connection.sendall(data)
            except OSError:
                pass

    # Its session.

    def connect(self):
        self.wanted = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def disconnect(self, notification=False):
        """Closes the session; without a NOTIFICATION as if it had crashed."""
        self.wanted = False
        with self.lock:
            if notification:
                self.transmit(message(NOTIFICATION, b"\6\2\0"))
            if self.connection:
                try:
                    self.connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.thread.join(30)
        assert not self.thread.is_alive(), f"{self.bgp_id}: its session does not end"
        self.check()

    def check(self):
        """Raises what went wrong in its thread."""
        if self.failure:
            raise AssertionError(f"recorder {self.bgp_id}: {self.failure}")

    def run(self):
        try:
            with open(f"/run/netns/{self.host.namespace}") as namespace:
                # Of this thread alone.
                assert libc.setns(namespace.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            while self.wanted:
                try:
                    self.session()
                except (OSError, EOFError):
                    pass
                self.down()
                if self.wanted:
                    time.sleep(0.05)  # until it tries again
        except Exception as error:  # noqa: BLE001 - told by check()
            self.failure = f"{type(error).__name__}: {error}"
            self.down()

    def session(self):
        family = socket.AF_INET6 if ":" in self.target else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(10)
            connection.bind((self.source, 0))
            connection.connect((self.target, 179))
            self.buffer = b""
            self.connection = connection
            connection.sendall(self.open_message())
            self.read_open(self.read(connection, OPEN))
            connection.sendall(message(KEEPALIVE))
            self.read(connection, KEEPALIVE)
            self.up(connection)
            last = time.monotonic()
            while self.wanted:
                if time.monotonic() - last > self.hold / 3:
                    connection.sendall(message(KEEPALIVE))
                    last = time.monotonic()
                if select.select([connection], [], [], 1)[0]:
                    self.take(connection)

    def open_message(self):
        capabilities = [(1, struct.pack("!HBB", NAMES[each][0], 0, 1)) for each in self.families]
        capabilities += [(2, b""), (65, struct.pack("!I", self.as_number))]
        if self.restart_time is not None:
            # F bit: it forwards all the same.
            value = struct.pack("!H", self.restart_time) + b"".join(
                struct.pack("!HBB", *NAMES[each], 0x80) for each in self.families)
            capabilities.append((64, value))
        parameter = b"".join(bytes([code, len(value)]) + value for code, value in capabilities)
        options = bytes([2, len(parameter)]) + parameter
        return message(OPEN, struct.pack("!BHH", 4, min(self.as_number, 23456), self.hold)
                       + socket.inet_aton(self.bgp_id) + bytes([len(options)]) + options)

    def message_in(self, connection):
        """(type, body) of the next message; None when there is none whole."""
        if len(self.buffer) >= 19:
            length, kind = struct.unpack("!HB", self.buffer[16:19])
            if len(self.buffer) >= length:
                body, self.buffer = self.buffer[19:length], self.buffer[length:]
                return kind, body
        data = connection.recv(1 << 18)
        if not data:
            raise EOFError
        self.buffer += data
        return None

    def read(self, connection, wanted):
        while True:
            found = self.message_in(connection)
            if found is None:
                continue
            if found[0] == NOTIFICATION:
                self.notifications.append((time.monotonic(), found[1][0], found[1][1]))
                raise EOFError
            assert found[0] == wanted, f"found message type {found[0]}, expected {wanted}"
            return found[1]

    def read_open(self, body):
        """The Graceful Restart capability (RFC 4724 section 3) of the reflector."""
        self.peer = {}
        data, at = body[10:], 0
        while at < len(data):
            kind, length = data[at], data[at + 1]
            value, at = data[at + 2:at + 2 + length], at + 2 + length
            while kind == 2 and value:
                code, size = value[0], value[1]
                if code == 64:
                    flags = struct.unpack("!H", value[2:4])[0]
                    families = {FAMILIES.get(struct.unpack("!HB", value[n:n + 3])): bool(value[n + 3] & 0x80)
                                for n in range(4, 2 + size, 4)}
                    self.peer = {"time": flags & 0xfff, "restarting": bool(flags & 0x8000),
                                 "notification": bool(flags & 0x4000), "families": families}
                value = value[2 + size:]

    def up(self, connection):
        with self.lock:
            self.note("up")
            self.ended = set()
            preserved = self.peer.get("families", {})
            for prefix in sorted(self.stale):
                # Section 4.2: without the F bit of the family in the new OPEN, the stale routes go at once.
                if not preserved.get("ipv6-unicast" if ":" in prefix else "ipv4-unicast"):
                    self.forget(prefix, "dropped")
            self.established = True
            data = b"".join(self.update(prefix) for prefix in self.announced)
            if self.end_of_rib and self.restart_time is not None:
                for each in self.families:
                    block = b"" if each == "ipv4-unicast" else attribute(0x80, MP_UNREACH, struct.pack("!HB", *NAMES[each]))
                    data += message(UPDATE, struct.pack("!HH", 0, len(block)) + block)
            connection.sendall(data)

    def down(self):
        with self.lock:
            if not self.established:
                return
            self.established = False
            self.note("down")
            if self.restart_time is not None and self.peer.get("families"):
                self.stale = set(self.table)
                return
            for prefix in sorted(self.table):
                self.forget(prefix, "dropped")

    def note(self, kind, prefix=None, sequence=None):
        event = Event(time.monotonic(), kind, prefix, sequence)
        self.events.append(event)
        if prefix:
            self.received.setdefault(prefix, []).append(event)

    def forget(self, prefix, kind):
        self.stale.discard(prefix)
        if self.table.pop(prefix, None) is not None:
            self.note(kind, prefix)

    def take(self, connection):
        found = self.message_in(connection)
        while True:
            if found and found[0] == UPDATE:
                with self.lock:
                    self.take_update(found[1])
            elif found and found[0] == NOTIFICATION:
                self.notifications.append((time.monotonic(), found[1][0], found[1][1]))
                raise EOFError
            if len(self.buffer) < 19 or len(self.buffer) < struct.unpack("!H", self.buffer[16:18])[0]:
                return
            found = self.message_in(connection)

    def take_update(self, body):
        n = struct.unpack("!H", body[:2])[0]
        withdrawn = prefixes_of(body[2:2 + n], False)
        size = struct.unpack("!H", body[2 + n:4 + n])[0]
        block, nlri = body[4 + n:4 + n + size], prefixes_of(body[4 + n + size:], False)
        values, at = {}, 0
        while at < len(block):
            long = block[at] & 0x10
            length = struct.unpack("!H", block[at + 2:at + 4])[0] if long else block[at + 2]
            begin = at + (4 if long else 3)
            values[block[at + 1]] = block[begin:begin + length]
            at = begin + length
        hop = values.get(NEXT_HOP, b"")
        if MP_UNREACH in values:
            withdrawn += prefixes_of(values[MP_UNREACH][3:], True)
        if MP_REACH in values:
            value = values[MP_REACH]
            hop = value[4:4 + value[3]]
            nlri += prefixes_of(value[5 + value[3]:], True)
        if not withdrawn and not nlri:
            return self.take_end_of_rib("ipv6-unicast" if MP_UNREACH in values else "ipv4-unicast")
        for prefix in withdrawn:
            self.forget(prefix, "withdrawn")
        if nlri:
            self.take_routes(nlri, values, hop)

    def take_routes(self, nlri, values, hop):
        data = values.get(COMMUNITIES, b"")
        communities = tuple(f"{high}:{low}" for high, low in struct.iter_unpack("!HH", data))
        originator = values.get(ORIGINATOR_ID)
        route = Route(struct.unpack("!I", values[MED])[0] if MED in values else None, communities,
                      str(ipaddress.ip_address(hop[:16])), socket.inet_ntoa(originator) if originator else None)
        for prefix in nlri:
            self.stale.discard(prefix)
            self.table[prefix] = route
            self.note("announced", prefix, route.sequence)

    def take_end_of_rib(self, family):
        self.note("end-of-rib", None, family)
        self.ended.add(family)
        for prefix in sorted(self.stale):
            if (":" in prefix) == (family == "ipv6-unicast"):
                self.forget(prefix, "flushed")


def wrongly_lost(recorder, announcers):
    """What the recorder lost though its announcer had it: a line for each time, with what it had before. A loss is right
    when there is a withdraw of the prefix later than the announcement that the recorder held."""
    steps = {prefix: each for announcer in announcers for prefix, each in announcer.steps.items()}
    wrong = []
    with recorder.lock:
        for prefix, events in recorder.received.items():
            held = None
            for event in events:
                if event.kind == "announced":
                    held = event.sequence
                    continue
                if not any(step.number > held and not step.announced and step.time <= event.time
                           for step in steps.get(prefix, ()) if held is not None):
                    wrong.append(f"{prefix} {event.kind} at {event.time:.3f} after announcement {held}")
                held = None
    return wrong
