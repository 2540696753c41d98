"""Runs tests and counts their cases, for tests/run.

usage: runner.py BUILD COUNTS JOBS list|unit|interop [NAME...]

Unit tests are the programs that meson knows: those of cmocka are counted case by case (TAP), others are one
case. Interoperability tests are tests/interop/test_*.py and tests/fault/test_*.py, one process a test, several at a time
where their files allow it. Appends "PASSED FAILED" to the file COUNTS; exit status 1 when a case failed.
"""

import glob
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time

TESTS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES = [os.path.join(TESTS, folder, "test_*.py") for folder in ("interop", "fault")]
TEST_SECONDS = 1100  # far beyond what any test needs: only a hang meets it
CASE = re.compile(r"^(ok|not ok) (?:\d+ (?:- )?)?(.*)$")


class Count:
    def __init__(self):
        self.lock = threading.Lock()
        self.passed = 0
        self.failed = 0
        self.failures = []

    def add(self, passed, text):
        with self.lock:
            if passed:
                self.passed += 1
            else:
                self.failed += 1
                self.failures.append(text)
            print(f"{'pass' if passed else 'FAIL'}  {text}", flush=True)

    def note(self, text):
        with self.lock:
            print(text, flush=True)


def chosen(name, words):
    return not words or any(word in name for word in words)


def unit_tests(build, words):
    listed = subprocess.run(["meson", "introspect", "--tests", build], stdout=subprocess.PIPE, check=True)
    for each in json.loads(listed.stdout):
        name = f"unit/{each['name']}"
        if chosen(name, words):
            yield name, each


def run_unit(name, each, count):
    """One program. It fails once more when it ends badly without a failed case: a crash, or a sanitizer."""
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", **each.get("env", {}))
    try:
        done = subprocess.run(each["cmd"], env=environment, cwd=each.get("workdir"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, errors="replace", timeout=TEST_SECONDS,
                              stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        count.add(False, f"{name}: {error}")
        return
    cases = [match for match in map(CASE.match, done.stdout.splitlines()) if match]
    for match in cases:
        count.add(match[1] == "ok", f"{name}/{match[2]}")
    bad = any(match[1] != "ok" for match in cases)
    if done.returncode != 0 and not bad:
        count.add(False, f"{name}: ended with status {done.returncode}")
    elif not cases:
        count.add(done.returncode == 0, name)
    if bad or done.returncode != 0:
        count.note((done.stdout + done.stderr)[-6000:])


def run_units(build, words, count):
    """130 when it was interrupted, so that nothing more is begun."""
    def interrupted(_number, _frame):
        raise KeyboardInterrupt
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        for name, each in unit_tests(build, words):
            run_unit(name, each, count)
    except KeyboardInterrupt:
        count.add(False, "unit: interrupted")
        return 130
    return 0


def plan(path):
    """The tests of a file, and whether they may run beside each other."""
    done = subprocess.run(["/usr/bin/python3", path, "--plan"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0 or not done.stdout.strip():
        return None, done.stderr.strip()[-2000:] or "lists no test"
    return [line.split(None, 1) for line in done.stdout.splitlines()], ""


class Interop:
    def __init__(self, count, jobs):
        self.count = count
        self.jobs = jobs
        self.running = set()
        self.stopping = False
        self.lock = threading.Lock()

    def chains(self, words):
        """Lists of (path, name): the lists may run beside each other, what is in one may not."""
        for path in sorted(path for each in FILES for path in glob.glob(each)):
            listed, why = plan(path)
            if listed is None:
                self.count.add(False, f"{os.path.basename(path)}: {why}")
                continue
            serial = [(path, name) for mode, name in listed if mode == "serial" and chosen(name, words)]
            if serial:
                yield serial
            for mode, name in listed:
                if mode == "parallel" and chosen(name, words):
                    yield [(path, name)]

    def run(self, words):
        waiting = queue.SimpleQueue()
        # The longest chains first, so that none is left over at the end.
        for chain in sorted(self.chains(words), key=len, reverse=True):
            waiting.put(chain)
        threads = [threading.Thread(target=self.work, args=(waiting,)) for _ in range(self.jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)

    def work(self, waiting):
        while not self.stopping:
            try:
                chain = waiting.get_nowait()
            except queue.Empty:
                return
            for path, name in chain:
                if not self.stopping:
                    self.run_test(path, name)

    def run_test(self, path, name):
        with subprocess.Popen(["/usr/bin/python3", path, "--exact", name], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace") as popen:
            with self.lock:
                self.running.add(popen)
            timer = threading.Timer(TEST_SECONDS, popen.terminate)
            timer.start()
            errors = []
            reader = threading.Thread(target=lambda: errors.extend(popen.stderr), daemon=True)
            reader.start()
            cases = failed = 0
            for line in popen.stdout:
                match = CASE.match(line.rstrip("\n"))
                if match:
                    cases += 1
                    failed += match[1] != "ok"
                    self.count.add(match[1] == "ok", match[2])
                elif line.strip():
                    self.count.note(line.rstrip("\n"))
            popen.wait()
            timer.cancel()
            reader.join(5)
        with self.lock:
            self.running.discard(popen)
        if self.stopping:
            self.count.add(False, f"{name}: interrupted")
        elif popen.returncode != 0 and not failed:
            self.count.add(False, f"{name}: ended with status {popen.returncode}")
        elif cases == 0:
            self.count.add(False, f"{name}: ran no case")
        if failed or popen.returncode != 0:
            self.count.note("".join(errors)[-12000:])

    def stop(self, _number, _frame):
        self.stopping = True
        with self.lock:
            for popen in self.running:
                popen.terminate()


def main():
    build, counts, jobs, what, *words = sys.argv[1:]
    os.environ["HELIOSTAT_BUILD"] = build
    count = Count()
    if what == "list":
        for name, _ in unit_tests(build, words):
            print(name)
        for chain in Interop(count, 1).chains(words):
            print("\n".join(name for _, name in chain))
        return
    start = time.monotonic()
    status = 0
    if what == "unit":
        status = run_units(build, words, count)
    else:
        interop = Interop(count, int(jobs))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, interop.stop)
        interop.run(words)
    for text in count.failures:
        print(f"failed: {text}")
    print(f"{what}: {count.passed} passed, {count.failed} failed in {time.monotonic() - start:.0f} s", flush=True)
    with open(counts, "a") as file:
        file.write(f"{count.passed} {count.failed}\n")
    sys.exit(status or (1 if count.failed else 0))


if __name__ == "__main__":
    main()
