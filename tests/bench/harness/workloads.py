"""The workloads. Each is run as run(context, Reflector) and yields its rows: dictionaries with what was measured."""

import statistics
import time

from lib import table as mrt_tables

from . import measure
from .history import History
from .reflectors import JournalReflector
from .stage import Stage, TooSlow

AS_NUMBER = 64512
AS_NUMBER_REAL = 4200064512  # private, 4 octets: in no real AS path
NODES = "10.80.0.1"
FEEDERS = "10.90.0.1"
LATE = "10.91.0.1"
MED = 1000  # beyond those that the made-up table has of its own
SINCE_CONNECT = "seconds-to-last-change"
SINCE_MARK = "seconds-since-mark"


class Workload:
    def __init__(self, name, text, sessions, memory, peer_memory, skip_floor=False):
        self.name = name
        self.text = text
        self.sessions = sessions
        self.memory = memory  # MiB that generator and reflector need together
        self.peer_memory = peer_memory  # the same with the hungriest of the peers
        self.skip_floor = skip_floor
        self.also = {}  # {name: text} of further rows

    def require(self):
        measure.need_descriptors(self.sessions, self.name)

    def run(self, context, kind):
        """Yields rows."""
        measure.need_memory(self.peer_memory if kind.package else self.memory, self.name)
        row = context.row(self.name, kind)
        try:
            with Stage(kind, self.as_number(), context.seconds, context.progress) as stage:
                yield from self.play(context, stage, row)
        except TooSlow as error:
            # What was under way when the time was over is the row that has no time.
            row = context.last
            row["wall"] = None
            row["error"] = f"not in {context.seconds:g} s: {error}"
            yield row

    def as_number(self):
        return AS_NUMBER

    def play(self, context, stage, row):
        raise NotImplementedError


class Nodes(Workload):
    """Every client has a few prefixes; all connect at once."""

    def __init__(self, clients, each, name=None):
        self.clients = clients
        self.each = each
        generator = 100 + clients * clients * each * 8 // 2**20
        super().__init__(name or f"nodes-{clients}",
                         f"{clients:,} clients x ({each} IPv4 + {each} IPv6), all at once",
                         clients, generator + 300, generator + 400 + clients // 2)

    def define(self, stage):
        stage.peers("nodes", self.clients, NODES)
        stage.speaker.tell(f"announce nodes 10.244.0.0/26 count {self.each}",
                           f"announce nodes fd00:10:244::/64 count {self.each}")

    def load(self, stage):
        stage.connect("nodes")
        stage.wait(f"prefixes nodes {(self.clients - 1) * self.each * 2}")
        stage.settle()

    def play(self, context, stage, row):
        self.define(stage)
        with stage.measured(row, "nodes", SINCE_CONNECT):
            self.load(stage)
        yield row


class Growth(Workload):
    """The same table from ever more nodes: what grows is what must be sent."""

    def __init__(self, sizes=(500, 1000, 2000), total=20000):
        self.parts = [Nodes(n, total // 2 // n, f"growth-{n}") for n in sizes]
        super().__init__("growth", f"{total:,} prefixes in total from {', '.join(f'{n:,}' for n in sizes)} nodes",
                         max(sizes), max(each.memory for each in self.parts),
                         max(each.peer_memory for each in self.parts))
        self.also = {each.name: each.text for each in self.parts}

    def run(self, context, kind):
        for part in self.parts:
            yield from part.run(context, kind)


class Table(Workload):
    """One feeder of a made-up Internet table; then, on it: a late client, the table again with a new MED, and its end."""

    phases = ("late", "churn", "warm", "drop")

    def __init__(self, clients=10, ipv4=1_000_000, ipv6=200_000, name="table-10", feeders=1):
        self.clients = clients
        self.feeders = feeders
        self.ipv4, self.ipv6 = ipv4, ipv6
        self.prefixes = ipv4 + ipv6
        sets = self.prefixes // 8
        generator = 200 + self.prefixes * (150 + 4 * clients + 200 * feeders) // 2**20
        super().__init__(name, f"{feeders} feeder{'s' * (feeders > 1)} of {ipv4:,} IPv4 + {ipv6:,} IPv6 prefixes in {sets:,} "
                         f"UPDATEs{' each, other paths' * (feeders > 1)}, {clients} clients", clients + feeders + 1,
                         generator + self.prefixes * 250 * feeders // 2**20,
                         generator + self.prefixes * 2200 // 2**20)
        self.med = MED

    def synthesize(self, feeder, med=None):
        return f"synthesize feed[{feeder}] ipv4 {self.ipv4} ipv6 {self.ipv6} variant {feeder}" + \
            (f" med {med}" if med else "")

    def define(self, stage):
        stage.peers("nodes", self.clients, NODES)
        stage.peers("feed", self.feeders, FEEDERS)
        stage.peers("late", 1, LATE)
        stage.speaker.tell(*(self.synthesize(feeder) for feeder in range(self.feeders)))

    def load(self, stage):
        stage.connect("nodes")
        stage.connect("feed")
        stage.wait(f"prefixes nodes {self.prefixes}")
        stage.settle(1000)

    def play(self, context, stage, row):
        self.define(stage)
        # With two tables, every client must have the better one of each prefix; nothing decides in the floor.
        best = " best" if self.feeders > 1 and stage.kind.reflects else ""
        with stage.measured(row, "nodes", SINCE_CONNECT, best):
            self.load(stage)
        yield row
        for phase in self.phases:
            if not context.wants(phase) or (phase == "drop" and not stage.kind.reflects) or \
                    (phase == "warm" and stage.kind is not JournalReflector):
                continue
            row = context.row(phase, stage.kind)
            yield from getattr(self, phase)(stage, row)

    def churn(self, stage, row):
        with stage.measured(row, "nodes", SINCE_MARK):
            self.churn_once(stage, "nodes")
            stage.settle(1000)
        yield row

    def churn_once(self, stage, ref):
        self.med += 1
        stage.speaker.tell(self.synthesize(0, self.med))
        stage.wait(f"fresh {ref} {self.prefixes}")

    def late(self, stage, row):
        with stage.measured(row, "late", SINCE_MARK):
            stage.speaker.tell("mark", "connect late")
            stage.wait(f"prefixes late {self.prefixes}")
            stage.settle(1000)
        yield row
        stage.speaker.tell("close late")

    def warm(self, stage, row):
        """kill -9 and a new start: until it listens, and until a client that comes first has the table of those not back yet."""
        row["wall"], row["restored"] = stage.start_again()
        row["peak"] = round(measure.memory_mib(stage.pids), 1)
        row["cpu"] = round(measure.cpu_seconds(stage.pids), 3)
        assert row["restored"] == self.prefixes, f"found {row['restored']} paths restored, expected {self.prefixes}"
        stage.speaker.tell("mark", "connect late")
        row["first-client"] = stage.wait(f"prefixes late {self.prefixes}")
        stage.speaker.tell("close late")
        stage.connect("nodes")
        stage.connect("feed")
        stage.wait(f"prefixes nodes {self.prefixes}")
        stage.settle(1000)
        row["compared"], row["differences"], first = stage.check("nodes")
        if row["differences"]:
            row["error"] = f"{row['differences']} of {row['compared']} paths differ: {first}"
        yield row

    def drop(self, stage, row):
        with stage.measured(row, "nodes", SINCE_MARK):
            stage.speaker.tell("mark", "close feed reset")
            stage.wait("prefixes nodes 0")
            stage.settle(1000)
        yield row


class TwoTables(Table):
    phases = ()

    def __init__(self, clients=20, ipv4=1_000_000, ipv6=200_000):
        super().__init__(clients, ipv4, ipv6, "two-tables", 2)


class RealTable(Workload):
    """The peers of an MRT file, each a feeder, and ten clients."""

    clients = 10

    def __init__(self):
        super().__init__("table-real", f"every feed of a real table (MRT), {self.clients} clients", self.clients + 100,
                         1500, 3500)

    def as_number(self):
        return AS_NUMBER_REAL

    def play(self, context, stage, row):
        path, made = mrt_tables.find(stage.lab.folder)
        row["table"] = "made up" if made else path.rpartition("/")[2]
        feeds = len(stage.speaker.ask(f"mrt-peers {path}")["peers"])
        stage.peers("nodes", self.clients, NODES)
        stage.peers("feed", feeds, FEEDERS)
        stage.speaker.tell(f"mrt feed {path} all global-next-hops")
        prefixes = stage.speaker.ask("stats")["prefixes-known"]
        with stage.measured(row, "nodes", SINCE_CONNECT):
            stage.connect("nodes")
            stage.connect("feed")
            stage.wait(f"prefixes nodes {prefixes}")
            stage.settle(1000)
        row["prefixes"] = prefixes
        yield row


class Latency(Workload):
    """One change on a quiet reflector, to the last of all clients, again and again."""

    def __init__(self, sizes=(100, 500), count=200):
        self.count = count
        self.parts = [Nodes(n, 2, f"latency-{n}") for n in sizes]
        super().__init__("latency", f"one change on a quiet reflector, to the last of {' and of '.join(map(str, sizes))} "
                         f"clients, {count} times: ms", max(sizes), 600, 1000)
        self.also = {each.name: f"one change to the last of {each.clients} clients, median of {count}"
                     for each in self.parts}

    def run(self, context, kind):
        for part in self.parts:
            part.play = lambda context, stage, row, part=part: self.probe(part, stage, row)
            yield from part.run(context, kind)

    def probe(self, part, stage, row):
        part.define(stage)
        part.load(stage)
        stage.settle(1000)
        with stage.measured(row, "nodes", SINCE_CONNECT):
            stage.speaker.tell(f"probe nodes[0] 192.0.2.0/24 count {self.count} gap 20")
            stage.wait("probe")
        report = stage.speaker.ask("probe report")
        assert report["count"] == self.count and report["receivers"] == part.clients - 1, \
            f"found {report['count']} changes at {report.get('receivers')} clients, expected {self.count} at " \
            f"{part.clients - 1}"
        row.update({name: report[f"{name}-ms"] for name in ("p50", "p99", "max")})
        row["wall"] = round(report["p50-ms"] / 1000, 6)
        yield row


class Slow(Table):
    """One client stops reading while the table changes: the others must not notice, and it must end right."""

    def __init__(self, clients=100, ipv4=100_000, ipv6=20_000, seconds=30):
        super().__init__(clients, ipv4, ipv6, "slow")
        self.pause = seconds
        self.skip_floor = True  # it would keep everything
        self.text = f"one of {clients} clients stops reading for {seconds} s while {self.prefixes:,} prefixes change"

    def churn_on(self, stage, ref):
        """The times of the rounds that fit."""
        rounds = []
        end = time.monotonic() + self.pause
        while time.monotonic() < end or not rounds:
            self.churn_once(stage, ref)
            rounds.append(stage.speaker.ask(f"stats {ref}")[SINCE_MARK])
        return rounds

    def play(self, context, stage, row):
        others = f"nodes[1..{self.clients - 1}]"
        self.define(stage)
        self.load(stage)
        # As long as with it: the speaker's own caches fill and empty in both.
        quick = self.churn_on(stage, others)
        stage.settle()
        with stage.measured(row, "nodes", SINCE_MARK):
            stage.speaker.tell("pause nodes[0]")
            rounds = self.churn_on(stage, others)
            stage.speaker.tell("resume nodes[0]")
            row["catch-up"] = stage.wait(f"fresh nodes[0] {self.prefixes}")
            stage.settle(1000)
        row["wall"] = statistics.median(rounds)
        row["without"] = statistics.median(quick)
        row["worst-without"] = max(quick)
        row["worst"] = max(rounds)
        row["rounds"] = len(rounds)
        yield row


def all_workloads():
    listed = [Nodes(100, 10), Nodes(500, 10), Nodes(1000, 10), Nodes(2000, 5), Nodes(5000, 2), Table(), RealTable(),
              TwoTables(), Latency(), Slow(), Growth(), History()]
    table = next(each for each in listed if each.name == "table-10")
    table.also = {"late": "one client joins the full table of table-10",
                  "churn": "the feeder of table-10 announces everything again with a new MED",
                  "warm": "kill -9 and a new start with the journal of table-10: until it listens; a client that comes first",
                  "drop": "the feeder of table-10 vanishes: until the last withdraw at the last client"}
    return listed
