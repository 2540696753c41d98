#!/usr/bin/python3
"""kill -9 at random moments of a churn, again and again.

Two announcers (one with Graceful Restart, one without) change, withdraw and announce prefixes all the while; each step has
a number, which travels in the route. A witness with Graceful Restart writes down all it is told. After each kill:
the file opens; what it holds of each prefix is at most a second old; once the announcers are back and have sent
their End-of-RIB, the table is theirs; and the witness was never told that a route is gone which was there.

HELIOSTAT_TEST_KILLS=N: so many rounds (15 if not given).
"""

import os
import random
import sys
import threading
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "interop"))

from lib import suite, wait  # noqa: E402 - the path comes first
from lib.heliostat import Heliostat  # noqa: E402
from lib.journal import Scene, verify  # noqa: E402
from lib.recorder import Recorder, marks, wrongly_lost  # noqa: E402

ROUNDS = int(os.environ.get("HELIOSTAT_TEST_KILLS", "15"))
AGE = 1.0  # seconds that the state may be old
RESTART_TIME = 40
STEADY, COMING = 60, 60  # prefixes of each announcer and family: always there, and coming and going
NEWCOMERS = 2
LATE = 3  # seconds after the others
RATE = 400  # steps a second of each announcer


class Announcer(Recorder):
    """Changes its routes in the background while `churning` is set."""

    def __init__(self, host, target, number, seed, **options):
        super().__init__(host, target, f"198.51.100.{number}", **options)
        self.chance = random.Random(seed)
        self.steady = [each.format(number, k) for k in range(STEADY) for each in ("10.{}.{}.0/24", "fd00:{}:1{:03x}::/64")]
        self.coming = [each.format(number, k) for k in range(COMING) for each in ("10.{}.{}.128/25", "fd00:{}:2{:03x}::/64")]
        self.fickle = set(self.coming)
        self.churning = threading.Event()
        self.ending = False
        self.stirrer = threading.Thread(target=self.stir, daemon=True)
        self.announce(self.steady + self.coming)
        self.stirrer.start()

    def stir(self):
        """Ten times a second, a tenth of the rate."""
        try:
            while not self.ending:
                self.churning.wait(0.1)
                if self.churning.is_set():
                    self.change(RATE // 10)
                    time.sleep(0.1)  # the pace of the churn
        except Exception as error:  # noqa: BLE001 - told by check()
            self.failure = f"{type(error).__name__}: {error}"

    def change(self, count):
        with self.lock:
            some = self.chance.sample(self.steady + self.coming, count)
            gone = [each for each in some if each in self.announced and each in self.fickle and self.chance.random() < 0.5]
            self.withdraw(gone)
            self.announce([each for each in some if each not in gone])

    def stop(self):
        self.ending = True
        self.churning.clear()
        self.stirrer.join(10)
        self.disconnect()


def restored(reflector):
    """{prefix: (sequence, communities)} of the reflector's table."""
    table = {}
    for row in reflector.show("routes")["routes"]:
        assert row["prefix"] not in table, f"{row['prefix']} twice"
        table[row["prefix"]] = (row["med"], tuple(row["communities"]))
    return table


class Life:
    """One life of the reflector: `table` {prefix: (sequence, communities)} as it began, at `time`."""

    def __init__(self, table):
        self.table = table
        self.time = time.monotonic()

    def told(self, witness, prefix, until):
        """[(time, sequence, withdrawn)]: what the reflector had for sure of a prefix, as the witness was told in this life."""
        found = [(self.time, self.table.get(prefix, (0,))[0], False)]
        for event in witness.received.get(prefix, ()):
            if self.time < event.time <= until:
                if event.kind == "announced":
                    found.append((event.time, event.sequence, False))
                elif event.kind == "withdrawn":
                    found.append((event.time, found[-1][1], True))
        return found

    def age(self, witness, table, killed):
        """For how long the oldest of what `table` has had not been the newest any more, when it was killed. Seconds."""
        oldest = 0.0
        for prefix, (sequence, _) in table.items():
            since = None
            for when, told, withdrawn in self.told(witness, prefix, killed):
                newer = told > sequence or (withdrawn and told == sequence)
                since = (since or when) if newer else None
            oldest = max(oldest, killed - since if since else 0.0)
        return oldest


def too_old(life, witness, announcers, table, killed):
    """What is wrong with the state that was restored, a line a prefix."""
    wrong = []
    for announcer in announcers:
        for prefix, steps in announcer.steps.items():
            _, held, withdrawn = life.told(witness, prefix, killed - AGE * wait.patience())[-1]
            found = table.get(prefix)
            if found is None:
                # There was a withdraw since, or nothing was there.
                if held and not withdrawn and not any(step.number > held and not step.announced for step in steps):
                    wrong.append(f"{prefix} is missing, expected {held} or later")
            elif found[1] != marks(found[0]):
                wrong.append(f"{prefix} has MED {found[0]} and communities {found[1]}")
            elif found[0] < held or (withdrawn and found[0] == held):
                wrong.append(f"{prefix} is {found[0]}, expected {'later than ' if withdrawn else ''}{held}")
            elif not any(step.number == found[0] and step.announced for step in steps):
                wrong.append(f"{prefix} is {found[0]}, which was never announced")
    known = {prefix for announcer in announcers for prefix in announcer.steps}
    wrong += [f"{prefix} is of nobody" for prefix in table.keys() - known]
    return wrong


def differences(found, announcers, restart_over):
    """What of a table is not what the announcers announce. Who does not speak Graceful Restart sends no End-of-RIB: what he
    withdrew while the reflector was away stays until its restart is over."""
    expected = {prefix: (sequence, marks(sequence)) for each in announcers for prefix, sequence in each.announced.items()}
    late = {prefix for each in announcers if each.restart_time is None for prefix in each.steps} if not restart_over else set()
    wrong = [f"{prefix}: found {found.get(prefix)}, expected {expected.get(prefix)}"
             for prefix in found.keys() | expected.keys() if found.get(prefix) != expected.get(prefix)
             and not (prefix in late and prefix not in expected)]
    return f"{len(wrong)} differences, the first {sorted(wrong)[0]}" if wrong else ""


class Rounds:
    def __init__(self, t):
        lab = t.lab()
        hub = lab.host("hub")
        self.chance = random.Random(20261122)
        self.reflector = Heliostat(hub, journal=True, router={"restart-time": RESTART_TIME},
                                   groups={"nodes": {"role": "client", "dynamic": ["10.99.0.0/16", "fd00:99::/64"]}})
        self.witness = Recorder(lab.host("witness"), hub.ipv4, "198.51.100.1")
        self.announcers = [Announcer(lab.host("a"), hub.ipv4, 101, 1),
                           Announcer(lab.host("b"), hub.ipv6, 102, 2, restart_time=None)]
        self.life = Life({})
        self.kills = 0
        self.oldest = 0.0  # seconds

    def begin(self):
        self.reflector.start()
        for each in (self.witness, *self.announcers):
            each.connect()
        self.settle()

    def settle(self, end_of_rib=True, restart_over=False):
        """The announcers are back, and everything is what they announce; `end_of_rib` False: what the witness has not been
        told yet, which it is at End-of-RIB, aside."""
        seconds = 30 + restart_over * RESTART_TIME
        for each in self.announcers:
            each.churning.clear()
        for each in (self.witness, *self.announcers):
            wait.until(lambda e=each: e.established, 30, f"the session of {each.bgp_id}", self.reflector.process.output)
            each.check()

        def differs():
            return differences(restored(self.reflector), self.announcers, restart_over)
        wait.until(lambda: not differs(), seconds, "the table of the reflector", differs)

        def differs_at_witness():
            with self.witness.lock:
                table = {prefix: (route.sequence, route.communities) for prefix, route in self.witness.table.items()
                         if end_of_rib or prefix not in self.witness.stale}
            return differences(table, self.announcers, restart_over)
        wait.until(lambda: not differs_at_witness(), seconds, "the table of the witness", differs_at_witness)

    def kill(self, within, again=False):
        """Kills it at a random moment of the next `within` seconds of churn, and `again` while it starts; what is wrong with
        the state."""
        for each in self.announcers:
            each.churning.set()
        time.sleep(self.chance.uniform(0.0, within))  # the moment itself; nothing is waited for
        self.reflector.process.kill()
        killed = time.monotonic()
        for each in self.announcers:
            each.disconnect()  # not back before the state was looked at
        self.reflector.check_clean()
        self.kills += 1
        if again:
            self.reflector.launch()
            time.sleep(self.chance.uniform(0.0, 0.5))  # the moment
            self.reflector.kill()
            self.kills += 1
        self.reflector.start()
        table = restored(self.reflector)
        wrong = too_old(self.life, self.witness, self.announcers, table, killed)
        self.oldest = max(self.oldest, self.life.age(self.witness, table, killed))
        self.life = Life(table)
        for each in self.announcers:
            each.connect()
        return wrong

    def end(self):
        for each in self.announcers:
            each.stop()
        self.witness.disconnect()
        self.reflector.stop()


@suite.test
def at_random_moments(t):
    rounds = Rounds(t)
    rounds.begin()
    too_old_in, lost_in, seen = {}, {}, set()
    for number in range(ROUNDS):
        # Every third time it is killed again before it has what it had, and every fourth while it starts.
        wrong = rounds.kill(2.5, number % 4 == 3)
        if number % 3 == 2:
            wrong += rounds.kill(1.5)
        # End-of-RIB is held back for a while: not every round is that long.
        rounds.settle(end_of_rib=number % 5 == 4)
        if wrong:
            too_old_in[number] = wrong
        lost = set(wrongly_lost(rounds.witness, rounds.announcers)) - seen
        if lost:
            lost_in[number] = sorted(lost)
            seen |= lost
    with t.case("after the restart everything is what the announcers announce"):
        rounds.settle(restart_over=True)
    kinds = [event.kind for event in rounds.witness.events]
    t.note(f"{rounds.kills} kills, the oldest state {rounds.oldest:.2f} s old, {sum(len(each.steps[p]) for each in rounds.announcers for p in each.steps)} steps, the "
           f"witness was told {kinds.count('announced')} routes and {kinds.count('withdrawn')} withdraws in {kinds.count('up')} sessions")
    with t.case(f"the state was at most {AGE:g} s old after each of the kills"):
        assert not too_old_in, f"in {len(too_old_in)} rounds of {ROUNDS}: {[(n, w[:3]) for n, w in too_old_in.items()][:3]}"
    with t.case("the witness was never told that a route is gone which was there"):
        assert not lost_in, f"in {len(lost_in)} rounds of {ROUNDS}: {[(n, w[:3]) for n, w in lost_in.items()][:3]}"
    with t.case("the witness was there, and there was something to tell"):
        assert kinds.count("up") >= ROUNDS and kinds.count("withdrawn") > ROUNDS, \
            f"found {kinds.count('up')} sessions and {kinds.count('withdrawn')} withdraws"
    rounds.end()
    with t.case("the journal is whole"):
        status, text = verify(rounds.reflector.journal["path"])
        assert status == 0, f"found status {status}: {text[-400:]}"


@suite.test
def just_arrived(t):
    """Clients that had been there for a moment only when it was killed, in no journal yet perhaps."""
    scene = Scene(t, count=20)
    host = scene.lab.host("newcomers")
    host.add_addresses([f"10.99.7.{k}/16" for k in range(1, NEWCOMERS + 1)])
    scene.start()
    scene.wait_whole()
    newcomers = []
    for k in range(1, NEWCOMERS + 1):
        newcomer = Recorder(host, scene.hub.ipv4, f"198.51.100.{20 + k}", source=f"10.99.7.{k}")
        newcomers.append(newcomer)
        newcomer.announce([f"172.20.{k}.0/24", f"fd00:20:{k}::/64"])
        newcomer.connect()
        wait.until(lambda n=newcomer: n.announced.keys() <= scene.witness.table.keys(), 30, "the newcomer's routes")
        scene.reflector.kill()
        newcomer.disconnect()
        scene.reflector.start()
        # The others are back before it.
        wait.until(lambda: scene.witness.established and scene.announcer.established, 30, "the sessions of the others")
        time.sleep(LATE)  # what a daemon may take to try again; if End-of-RIB came meanwhile, the witness flushed
        newcomer.connect()
        everybody = (scene.witness, scene.announcer, *newcomers)
        wait.until(lambda e=everybody: all(each.established and len(each.ended) == 2 for each in e), RESTART_TIME + 30,
                   "the sessions, and End-of-RIB", lambda e=everybody: [(each.bgp_id, each.ended) for each in e])
    lost = wrongly_lost(scene.witness, [scene.announcer, *newcomers])
    with t.case("the witness lost none of their routes"):
        assert not lost, f"{len(lost)} losses in {NEWCOMERS} restarts: {lost[:4]}"
    for each in newcomers:
        each.disconnect()
    scene.end()


suite.main(parallel=True)
