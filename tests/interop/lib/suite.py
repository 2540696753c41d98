"""Tests, cases and their counting.

A file of tests prints one line a case, `ok NAME` or `not ok NAME: why`, which tests/run counts.
A test that opens cases with t.case() is counted by its cases (and once more if it fails outside of
them); any other test is one case.
"""

import contextlib
import os
import signal
import sys
import time
import traceback

from . import lab as labs

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
tests = []


def build_folder():
    return os.environ.get("HELIOSTAT_BUILD", os.path.join(TOP, "build-test"))


def build_path(name):
    """A program of the build under test: it lies in the folder of its source or at the top."""
    for folder in ("", "rr", "mgmt", "tests/bench"):
        path = os.path.join(build_folder(), folder, name)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise AssertionError(f"no program {name} in {build_folder()}: build it first (tests/run does)")


class Test:
    def __init__(self, name):
        self.name = name
        self.labs = []
        self.cases = 0
        self.failed = 0

    def lab(self, **options):
        lab = labs.Lab(**options)
        self.labs.append(lab)
        return lab

    def passed(self, name):
        self.cases += 1
        print(f"ok {self.name}/{name}", flush=True)

    def fail(self, name, why):
        self.cases += 1
        self.failed += 1
        print(f"not ok {self.name}/{name}: {one_line(why)}", flush=True)

    def note(self, text):
        """A remark for the reader, not counted."""
        print(f"# {self.name}: {text}", flush=True)

    @contextlib.contextmanager
    def case(self, name):
        """A part of the test that is counted of its own; its failure does not end the test."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - every failure is a failed case
            if not isinstance(error, AssertionError):
                traceback.print_exc()
            self.fail(name, describe(error))
        else:
            self.passed(name)

    def close(self):
        keep = self.failed and os.environ.get("HELIOSTAT_TEST_KEEP") == "1"
        for lab in self.labs:
            if self.failed:
                print(lab.logs(), file=sys.stderr, flush=True)
            if keep:
                open(os.path.join(lab.folder, "keep"), "w").close()
            lab.close(keep)
        self.labs.clear()


def one_line(text):
    return " | ".join(part.strip() for part in str(text).splitlines() if part.strip())[:1500]


def describe(error):
    if isinstance(error, AssertionError) and str(error):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(last.filename)}:{last.lineno}"
    return f"{type(error).__name__} at {where}: {error or last.line}"


def test(function):
    """Registers a test: function(t)."""
    tests.append(function)
    return function


def module_name():
    """"NAME" of tests/interop/test_NAME.py, "fault/NAME" of tests/fault/test_NAME.py."""
    path = os.path.splitext(os.path.abspath(sys.argv[0]))[0]
    folder = os.path.basename(os.path.dirname(path))
    name = os.path.basename(path)
    name = name[len("test_"):] if name.startswith("test_") else name
    return name if folder == "interop" else f"{folder}/{name}"


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupted(number, _frame):
    """Ends the test with its cleanup, which a second signal must not end."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def run_one(function):
    name = f"{module_name()}/{function.__name__}"
    t = Test(name)
    start = time.monotonic()
    try:
        function(t)
        if t.cases == 0:
            print(f"ok {name}", flush=True)
    except Exception as error:  # noqa: BLE001 - every failure is a failed case
        t.failed += 1
        if not isinstance(error, AssertionError):
            traceback.print_exc()
        print(f"not ok {name}: {one_line(describe(error))}", flush=True)
    finally:
        t.close()
    print(f"# {name} took {time.monotonic() - start:.1f} s", flush=True)
    return t.failed == 0


def selected(words, names):
    """The tests asked for: `--exact NAME`, or those whose names contain a word; all without any."""
    if words[:1] == ["--exact"]:
        return [function for function, name in zip(tests, names) if name in words[1:]]
    return [function for function, name in zip(tests, names) if not words or any(word in name for word in words)]


def main(parallel=False):
    """`parallel`: the tests of this file may run beside each other; those of other files always may."""
    names = [f"{module_name()}/{function.__name__}" for function in tests]
    words = sys.argv[1:]
    if words == ["--list"]:
        print("\n".join(names))
        return
    if words == ["--plan"]:  # for lib/runner.py
        print("\n".join(f"{'parallel' if parallel else 'serial'} {name}" for name in names))
        return
    chosen = selected(words, names)
    if not chosen:
        sys.exit(f"{sys.argv[0]}: no test matches {' '.join(words)}; there are {', '.join(names)}")
    if os.geteuid() != 0:
        sys.exit(f"{sys.argv[0]}: needs root, for network namespaces (tests/run calls sudo)")
    for number in SIGNALS:
        signal.signal(number, interrupted)
    labs.sweep()
    results = [run_one(function) for function in chosen]
    sys.exit(0 if all(results) else 1)
