"""A lab: a switch and hosts, each a network namespace of its own, with the processes in them.

The names of the namespaces hold the process ID of the test, so labs do not meet, and what a test
that was killed left behind is found and removed by the next one.
"""

import ctypes
import glob
import ipaddress
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from . import wait

PREFIX = "hst"
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


class CommandFailed(AssertionError):
    """A command that had to succeed did not."""


def command(argv, text_in=None, check=True, timeout=60, env=None):
    """Runs a command to its end and returns what it wrote to stdout."""
    done = subprocess.run(argv, input=text_in, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", timeout=timeout * wait.patience(), env=env)
    if check and done.returncode != 0:
        raise CommandFailed(f"{' '.join(argv)}: exit status {done.returncode}: "
                            f"{(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Process:
    """A process that a host runs in the background, in a process group of its own."""

    def __init__(self, name, argv, log, env=None, stdin=subprocess.DEVNULL, stdout=None):
        self.name = name
        self.log = log
        with open(log, "ab") as sink:
            self.popen = subprocess.Popen(argv, stdin=stdin, stdout=stdout or sink, stderr=sink, env=env,
                                          start_new_session=True, preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def signal(self, number):
        """To the whole group: a daemon of several processes is one daemon."""
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, number)

    def signal_main(self, number):
        if self.popen.poll() is None:
            os.kill(self.popen.pid, number)

    def wait(self, seconds=20):
        """The exit status; Expired when it does not end."""
        try:
            return self.popen.wait(seconds * wait.patience())
        except subprocess.TimeoutExpired:
            raise wait.Expired(f"{self.name} did not end within {seconds} s") from None

    def kill(self):
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()

    def output(self):
        with open(self.log, errors="replace") as log:
            return log.read()


class Host:
    """A network namespace with one interface, eth0, on the lab's switch."""

    def __init__(self, lab, name, number):
        self.lab = lab
        self.name = name
        self.namespace = f"{lab.name}-{name}"
        self.ipv4 = str(lab.ipv4[number])
        self.ipv6 = str(lab.ipv6[number])
        self.number = number
        self.folder = os.path.join(lab.folder, name)
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o755)
        port = f"p{number}"
        command(["ip", "netns", "add", self.namespace])
        command(["ip", "-n", lab.switch, "link", "add", port, "type", "veth", "peer", "name", "eth0",
                 "netns", self.namespace])
        command(["ip", "-n", lab.switch, "-batch", "-"],
                f"link set {port} master br0\nlink set {port} up\n")
        command(["ip", "-n", self.namespace, "-batch", "-"],
                "link set lo up\n"
                f"addr add {self.ipv4}/{lab.ipv4.prefixlen} dev eth0\n"
                f"addr add {self.ipv6}/{lab.ipv6.prefixlen} dev eth0 nodad\n"
                "link set eth0 up\n")

    def path(self, name):
        """A file in this host's folder."""
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def add_addresses(self, addresses):
        """Further addresses ("10.99.1.1/16" ...) on eth0."""
        lines = [f"addr add {address} dev eth0{' nodad' if ':' in address else ''}" for address in addresses]
        command(["ip", "-n", self.namespace, "-batch", "-"], "\n".join(lines) + "\n")

    def argv(self, argv):
        return ["ip", "netns", "exec", self.namespace, *argv]

    def run(self, argv, text_in=None, check=True, timeout=60, env=None):
        return command(self.argv(argv), text_in, check, timeout, env)

    def spawn(self, argv, name=None, log=None, env=None, **streams):
        """Starts a process that ends with the lab. Call it from the main thread: the process ends with
        the thread that started it."""
        name = name or os.path.basename(argv[0])
        process = Process(f"{self.name}/{name}", self.argv(argv), log or self.path(f"{name}.log"), env, **streams)
        self.lab.processes.append(process)
        return process


class Lab:
    """Owns the namespaces, processes and files of one test."""

    count = 0

    def __init__(self, ipv4="10.99.0.0/16", ipv6="fd00:99::/64"):
        Lab.count += 1
        self.name = f"{PREFIX}{os.getpid()}x{Lab.count}"
        self.ipv4 = ipaddress.ip_network(ipv4)
        self.ipv6 = ipaddress.ip_network(ipv6)
        self.folder = tempfile.mkdtemp(prefix=f"{self.name}-")
        os.chmod(self.folder, 0o755)
        self.hosts = {}
        self.processes = []
        self.switch = f"{self.name}-switch"
        try:
            command(["ip", "netns", "add", self.switch])
            command(["ip", "-n", self.switch, "-batch", "-"],
                    "link add br0 type bridge\nlink set br0 up\nlink set lo up\n")
        except BaseException:
            self.close()
            raise

    def host(self, name):
        self.hosts[name] = Host(self, name, len(self.hosts) + 1)
        return self.hosts[name]

    def logs(self, lines=12):
        """The ends of the logs, for the report of a failure."""
        parts = []
        for process in {each.log: each for each in self.processes}.values():
            tail = process.output().splitlines()[-lines:] if os.path.exists(process.log) else []
            parts.append(f"--- {process.name} ({process.log})\n" + "\n".join(tail))
        return "\n".join(parts)

    def close(self, keep=False):
        for process in self.processes:
            process.kill()
        for namespace in [*(host.namespace for host in self.hosts.values()), self.switch]:
            remove_namespace(namespace)
        unmount(self.folder)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def unmount(folder):
    """What is mounted below a folder, the innermost first."""
    with open("/proc/mounts") as file:
        found = [line.split()[1] for line in file]
    for path in sorted((each for each in found if each.startswith(folder + "/")), key=len, reverse=True):
        command(["umount", "-l", path], check=False)


def namespace_names():
    return [line.split()[0] for line in command(["ip", "netns", "list"]).splitlines() if line.strip()]


def remove_namespace(name):
    """Ends what still runs in it and removes it; one that is not there is fine."""
    for _ in range(20):
        pids = command(["ip", "netns", "pids", name], check=False).split()
        if not pids:
            break
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.05)
    command(["ip", "netns", "delete", name], check=False)


def sweep():
    """Removes what tests that no longer run left behind."""
    own = re.compile(rf"{PREFIX}(\d+)x\d+-")
    for name in namespace_names():
        match = own.match(name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            remove_namespace(name)
    for folder in glob.glob(os.path.join(tempfile.gettempdir(), f"{PREFIX}*x*-*")):
        match = own.match(os.path.basename(folder))
        if match and not os.path.exists(f"/proc/{match[1]}") and not os.path.exists(f"{folder}/keep"):
            unmount(folder)
            shutil.rmtree(folder, ignore_errors=True)
