"""The daemons, as Debian packages them, without installing them.

Some of the packages conflict (bird, bird2) and all start services when installed. They are downloaded
with apt and unpacked into a cache folder; nothing else on the machine changes. The libraries they need
are installed by tests/run.
"""

import fcntl
import functools
import glob
import os
import shutil
import subprocess
import tempfile

from . import lab

# What is unpacked, and the programs' libraries, for tests/run to install.
DAEMONS = ("bird", "bird2", "frr", "gobgpd", "openbgpd", "exabgp", "python3-exabgp")


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.path.join(base, "heliostat-tests")
    os.makedirs(path, exist_ok=True)
    return path


def candidate(package):
    for line in lab.command(["apt-cache", "policy", package]).splitlines():
        if line.strip().startswith("Candidate:"):
            version = line.split(None, 1)[1].strip()
            return None if version == "(none)" else version
    return None


@functools.cache
def unpack(package):
    """The folder that holds the unpacked package, fetched when it is not there yet."""
    with open(os.path.join(cache(), "lock"), "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        version = candidate(package)
        if version is None:
            unpacked = sorted(glob.glob(os.path.join(cache(), f"{package}_*")))
            if unpacked:
                return unpacked[-1]
            raise AssertionError(f"apt knows no package {package}; expected Debian 12 with its package lists")
        target = os.path.join(cache(), f"{package}_{version.replace(':', '%3a')}")
        if not os.path.isdir(target):
            fetch(package, target)
        return target


def fetch(package, target):
    work = tempfile.mkdtemp(prefix="fetch-", dir=cache())
    try:
        done = subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package], cwd=work,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        archives = glob.glob(os.path.join(work, "*.deb"))
        if done.returncode != 0 or len(archives) != 1:
            raise AssertionError(f"apt-get download {package}: {done.stdout.strip()[-500:]}")
        lab.command(["dpkg-deb", "-x", archives[0], os.path.join(work, "root")])
        os.rename(os.path.join(work, "root"), target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def program(package, name):
    """The path of a program of a package."""
    root = unpack(package)
    for folder in ("usr/sbin", "usr/bin", "usr/lib/frr"):
        path = os.path.join(root, folder, name)
        if os.path.exists(path):
            return path
    raise AssertionError(f"package {package} holds no program {name}")


if __name__ == "__main__":
    for each in DAEMONS:
        print(unpack(each))
