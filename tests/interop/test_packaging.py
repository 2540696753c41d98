#!/usr/bin/python3
"""What packaging/ makes of the sources: the quickstart, an install, the systemd unit, the container image."""

import json
import os
import re
import signal
import subprocess

from lib import suite, wait
from lib.lab import command

PACKAGING = os.path.join(suite.TOP, "packaging")
EXAMPLE = os.path.join(PACKAGING, "examples", "kubernetes.yaml")


def common(script, *words):
    """Runs a script with what packaging/common.sh has, and the checkout as $1."""
    return command(["bash", "-euc", f'me=tests; . "$1/packaging/common.sh"; {script}', "bash", suite.TOP, *words],
                   timeout=900)


def release_build():
    """The build that packaging/container/build makes and installs from, brought up to date."""
    folder = os.path.join(suite.TOP, "build-container")
    common('install_missing "${build_packages[@]}"; build_release "$1" "$2" /usr heliostatd mgmt/heliostat', folder)
    return folder


def environment(t, host):
    """For the quickstart: a folder for its state that nobody else uses, whoever runs the tests."""
    folder = host.path("runtime")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return dict(os.environ, XDG_RUNTIME_DIR=folder), os.path.join(folder, "heliostat-quickstart")


def start_quickstart(host, env, *options, name="quickstart"):
    return host.spawn([os.path.join(PACKAGING, "quickstart"), *options], name=name, env=env)


def running(process):
    """True once it says so; fails at once when it ended instead."""
    if not process.alive():
        raise AssertionError(f"the quickstart ended: {process.output()[-1500:]}")
    return "Ctrl-C here ends it all." in process.output()


def processes_of(host):
    return command(["ip", "netns", "pids", host.namespace]).split()


@suite.test
def quickstart(t):
    host = t.lab().host("machine")
    env, state = environment(t, host)
    client = os.path.join(suite.TOP, "build", "mgmt", "heliostat")
    socket = os.path.join(state, "heliostat.sock")

    with t.case("prints the reflected table"):
        # What an earlier one that was killed leaves behind.
        os.mkdir(state, mode=0o700)
        open(os.path.join(state, "lock"), "w").close()
        first = start_quickstart(host, env)
        wait.until(lambda: running(first), 600, "the quickstart to be up", first.output)
        table = first.output().split("$ heliostat show routes", 1)[1].split("$ heliostat show peers", 1)[0]
        found = re.findall(r"^\*\s*(\S+/\d+)\s", table, re.MULTILINE)
        assert any(":" in prefix for prefix in found) and any("." in prefix for prefix in found), \
            f"found the best paths {found}, expected some of both families, in: {table}"
        assert not os.path.islink(state), "the folder is a link"

    with t.case("its client answers in JSON"):
        answer = json.loads(host.run([client, "-s", socket, "--json", "show", "peers"]))
        states = [peer["state"] for peer in answer["peers"]]
        assert states == ["Established", "Established"], f"found {states}, expected two Established peers"

    with t.case("the commands of the README work"):
        with open(os.path.join(suite.TOP, "README.md")) as readme:
            lines = re.findall(r"^heliostat ([^#\n]+)", readme.read(), re.MULTILINE)
        assert len(lines) > 5, f"found only {lines} in README.md"
        for line in lines:
            # the journal of a quickstart is younger than a quarter of an hour
            host.run([client, "-s", socket, *line.replace("10.1.0.17", "127.0.0.2").replace("-15m", "now").split()])

    with t.case("a second one while it runs says so and ends"):
        done = subprocess.run(host.argv([os.path.join(PACKAGING, "quickstart")]), env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        assert done.returncode == 1 and "another quickstart is running" in done.stdout, \
            f"found status {done.returncode} and: {done.stdout}"
        assert first.alive() and os.path.exists(socket), "it disturbed the first one"

    with t.case("SIGINT ends all of it"):
        first.signal_main(signal.SIGINT)
        status = first.wait()
        assert status == 0, f"found exit status {status}, expected 0: {first.output()[-800:]}"
        assert processes_of(host) == [], f"left the processes {processes_of(host)}"
        assert not os.path.exists(state), f"left {os.listdir(state)} in {state}"

    with t.case("--no-demo from another folder with another port"):
        quiet = start_quickstart(host, env, "--no-demo", "--port", "1791", name="quiet")
        wait.until(lambda: running(quiet), 120, "the quickstart to be up", quiet.output)
        answer = json.loads(host.run([client, "-s", socket, "--json", "show", "peers"]))
        assert answer["peers"] == [], f"found the peers {answer['peers']}, expected none"
        listening = host.run(["ss", "-Hltn"])
        assert "127.0.0.1:1791" in listening and "[::1]:1791" in listening, f"found {listening}"

    with t.case("started in the background by a script it ends on SIGINT too"):
        quiet.signal_main(signal.SIGINT)
        quiet.wait()
        behind = host.spawn(["bash", "-c", f"{os.path.join(PACKAGING, 'quickstart')} & echo $! >{host.path('pid')}; wait $!"],
                            name="behind", env=env)
        wait.until(lambda: running(behind), 120, "the quickstart to be up", behind.output)
        with open(host.path("pid")) as pid:
            os.kill(int(pid.read()), signal.SIGINT)
        assert behind.wait() == 0, f"found: {behind.output()[-800:]}"
        assert processes_of(host) == [], f"left the processes {processes_of(host)}"

    with t.case("killed without warning it leaves no process behind"):
        killed = start_quickstart(host, env, "--no-demo", name="killed")
        wait.until(lambda: running(killed), 120, "the quickstart to be up", killed.output)
        killed.signal_main(signal.SIGKILL)
        killed.wait()
        wait.until(lambda: processes_of(host) == [], 20, "the daemon to end with it", lambda: processes_of(host))

    with t.case("a port in use is one clear line and status 1"):
        holder = host.spawn(["/usr/bin/python3", "-c", "import socket, time; s = socket.create_server(('127.0.0.1', "
                             "1790)); print('holding', flush=True); time.sleep(600)"], name="holder")
        wait.until(lambda: "holding" in holder.output(), 20, "the port to be taken")
        refused = start_quickstart(host, env, name="refused")
        status = refused.wait(120)
        holder.kill()
        assert status == 1 and "1790" in refused.output(), f"found status {status}: {refused.output()[-800:]}"
        assert not os.path.exists(state), f"left {state}"


@suite.test
def quickstart_words(t):
    program = os.path.join(PACKAGING, "quickstart")
    with t.case("--help"):
        assert "--no-demo" in command([program, "--help"])
    for words in (["--nodemo"], ["--port"], ["--port", "0"], ["--port", "65536"], ["--port", "bgp"]):
        with t.case(f"{' '.join(words)} is refused"):
            done = subprocess.run([program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            assert done.returncode == 1 and "expected" in done.stderr, f"found {done}"


@suite.test
def install(t):
    lab = t.lab()
    root = os.path.join(lab.folder, "root")
    common("install_missing man-db systemd")
    command(["meson", "install", "-C", release_build(), "--no-rebuild", "--destdir", root], timeout=120)
    with t.case("everything is where a distribution puts it"):
        found = sorted(os.path.relpath(os.path.join(folder, name), root)
                       for folder, _, names in os.walk(root) for name in names)
        expected = sorted([
            "usr/bin/heliostat",
            "usr/sbin/heliostatd",
            "usr/lib/systemd/system/heliostat.service",
            "usr/lib/sysusers.d/heliostat.conf",
            "usr/share/doc/heliostat/LICENSE",
            "usr/share/doc/heliostat/README.md",
            "usr/share/doc/heliostat/examples/kubernetes.yaml",
            "usr/share/man/man1/heliostat.1",
            "usr/share/man/man5/heliostat.yaml.5",
            "usr/share/man/man8/heliostatd.8",
        ])
        assert found == expected, f"found {found}, expected {expected}"

    with t.case("the man pages format without a warning"):
        for page in ("man1/heliostat.1", "man5/heliostat.yaml.5", "man8/heliostatd.8"):
            done = subprocess.run(["man", "--warnings", "-l", os.path.join(root, "usr/share/man", page)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                  env=dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="100"))
            assert done.returncode == 0 and not done.stderr, f"{page}: {done.stderr}"

    daemon = os.path.join(root, "usr/sbin/heliostatd")
    with t.case("the example configuration is accepted"):
        command([daemon, "--check", "-c", EXAMPLE])

    with t.case("the configuration of the README is accepted"):
        with open(os.path.join(suite.TOP, "README.md")) as readme:
            block = re.search(r"```yaml\n(router:.*?)```", readme.read(), re.DOTALL)
        assert block, "found no configuration in README.md"
        path = os.path.join(lab.folder, "readme.yaml")
        with open(path, "w") as file:
            file.write(block[1])
        command([daemon, "--check", "-c", path])

    with t.case("a faulty configuration is refused with its place"):
        path = os.path.join(lab.folder, "faulty.yaml")
        with open(EXAMPLE) as example, open(path, "w") as file:
            file.write(example.read().replace("  as: 64512 ", "  sa: 64512 "))
        done = subprocess.run([daemon, "--check", "-c", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
        assert done.returncode == 1 and re.search(r"faulty\.yaml:\d+:\d+: ", done.stderr), f"found {done}"

    unit = os.path.join(root, "usr/lib/systemd/system/heliostat.service")
    with t.case("the systemd unit verifies"):
        # Where it is installed nothing is: systemd is shown the same unit with the program's place in the stage.
        text = open(unit).read()
        assert text.count("/usr/sbin/heliostatd") == 2, "found no /usr/sbin/heliostatd in ExecStart and ExecReload"
        staged = os.path.join(lab.folder, "heliostat.service")
        with open(staged, "w") as file:
            file.write(text.replace("/usr/sbin/heliostatd", daemon))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", staged], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0 and not done.stdout.strip(), f"found: {done.stdout}"
        rating = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=20", staged],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert rating.returncode == 0, f"exposure above 2.0: {rating.stdout[-200:]}"

    with t.case("the account is made"):
        stage = os.path.join(lab.folder, "sysroot")
        os.makedirs(os.path.join(stage, "etc"))
        command(["systemd-sysusers", f"--root={stage}", os.path.join(root, "usr/lib/sysusers.d/heliostat.conf")])
        with open(os.path.join(stage, "etc/passwd")) as accounts:
            assert re.search(r"^heliostat:", accounts.read(), re.MULTILINE), "found no user heliostat"


class Image:
    """The image in a storage of the test's own, and containers of it that run chrooted: no more is to be had in
    a container or a virtual machine without overlay and user namespaces."""

    def __init__(self, lab):
        self.tag = "localhost/heliostat-test:1"
        self.storage = os.path.join(lab.folder, "storage")
        self.config = os.path.join(lab.folder, "storage.conf")
        os.mkdir(self.storage)
        with open(self.config, "w") as file:
            file.write(f'[storage]\ndriver = "vfs"\ngraphroot = "{self.storage}/root"\n'
                       f'runroot = "{self.storage}/run"\n')
        self.env = dict(os.environ, CONTAINERS_STORAGE_CONF=self.config, STORAGE_DRIVER="vfs")

    def buildah(self, *words, check=True):
        return command(["buildah", *words], env=self.env, timeout=120, check=check)

    def argv(self, container, *words):
        """A command in a container that has the example configuration mounted, as a user would mount his."""
        return ["buildah", "run", "--isolation", "chroot", "-v", f"{EXAMPLE}:/etc/heliostat/heliostat.yaml:ro",
                container, "--", *words]

    def run(self, container, *words, check=True):
        return command(self.argv(container, *words), env=self.env, timeout=120, check=check)


@suite.test
def container(t):
    lab = t.lab()
    image = Image(lab)
    archive = os.path.join(lab.folder, "heliostat.tar")
    with t.case("builds without a registry"):
        command([os.path.join(PACKAGING, "container", "build"), "--tag", image.tag, "--archive", archive],
                env=image.env, timeout=900)
        assert os.path.getsize(archive) > 1 << 20, f"found an archive of {os.path.getsize(archive)} bytes"

    with t.case("says how it is run"):
        config = json.loads(image.buildah("inspect", "--type", "image", image.tag))["Docker"]["config"]
        assert config["Entrypoint"] == ["/usr/sbin/heliostatd"], f"found {config['Entrypoint']}"
        assert config["User"] == "179:179", f"found user {config['User']}, expected 179:179"
        assert "/etc/heliostat" in config["Volumes"], f"found volumes {config['Volumes']}"
        assert config["Healthcheck"]["Test"] == ["CMD", "/usr/bin/heliostat", "show", "summary"], \
            f"found {config['Healthcheck']}"

    name = image.buildah("from", image.tag).strip()
    try:
        with t.case("runs the daemon and the client"):
            version = image.run(name, "/usr/sbin/heliostatd", "--version")
            assert re.search(r"\d+\.\d+\.\d+", version), f"found {version!r}"
            image.run(name, "/usr/bin/heliostat", "--help")

        with t.case("accepts the example configuration"):
            image.run(name, "/usr/sbin/heliostatd", "--check")

        with t.case("reflects, as its own user on port 179, and is healthy"):
            host = lab.host("node")
            daemon = host.spawn(image.argv(name, "/usr/sbin/heliostatd"), name="container", env=image.env)
            wait.until(lambda: "0.0.0.0:179" in host.run(["ss", "-Hltn"]) or "*:179" in host.run(["ss", "-Hltn"]),
                       30, "a listener on port 179", daemon.output)
            summary = wait.until(lambda: image.run(name, "/usr/bin/heliostat", "show", "summary", check=False), 30,
                                 "the health check", daemon.output)
            assert "10.0.0.1" in summary, f"found {summary}"
            owners = {line.split()[1] for pid in processes_of(host) if "heliostatd" in program(pid)
                      for line in open(f"/proc/{pid}/status") if line.startswith("Uid:")}
            assert owners == {"179"}, f"found heliostatd of the users {owners}, expected 179"
    finally:
        image.buildah("rm", "--all", check=False)


def program(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


if __name__ == "__main__":
    suite.main()
