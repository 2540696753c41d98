"""Private views of system files for daemons that insist on users and folders of their own.

`ip netns exec` gives every process a mount namespace of its own; what is mounted over something in it
is seen by that daemon alone, and ends with it.
"""

import grp
import shlex


def accounts(host, users, groups):
    """Copies of passwd and group in the host's folder, with further accounts: users {name: home},
    groups {name: members}. Returns the mounts for `argv`."""
    with open("/etc/passwd") as file:
        passwd = file.read()
    with open("/etc/group") as file:
        group = file.read()
    taken = {each.gr_gid for each in grp.getgrall()}
    number = next(n for n in range(61000, 62000) if n not in taken)
    names = {line.split(":")[0] for line in group.splitlines()}
    for name in groups:
        if name not in names:
            group += f"{name}:x:{number}:{','.join(groups[name])}\n"
            number += 1
    known = {line.split(":")[0] for line in passwd.splitlines()}
    for name, home in users.items():
        if name not in known:
            passwd += f"{name}:x:61900:61900::{home}:/usr/sbin/nologin\n"
    return [(host.write("passwd", passwd), "/etc/passwd"), (host.write("group", group), "/etc/group")]


def argv(mounts, command):
    """A command that runs with each (source, target) of `mounts` bound over the target."""
    steps = [f"mount --bind {shlex.quote(source)} {shlex.quote(target)}" for source, target in mounts]
    return ["sh", "-c", " && ".join([*steps, 'exec "$@"']), "sh", *command]
