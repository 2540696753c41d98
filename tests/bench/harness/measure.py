"""What a reflector costs: CPU time and peak memory of its processes, from /proc; and what the machine must have for it."""

import os
import resource

TICK = os.sysconf("SC_CLK_TCK")
DESCRIPTORS_BESIDE = 300  # what a process needs besides its sessions


class Refused(Exception):
    """The machine does not have what a workload needs."""


def stat_fields(pid):
    """The fields of /proc/PID/stat behind the name, from the state (field 3) on; None when it has ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def tree(root):
    """The process and all its descendants: some reflectors are several processes."""
    children = {}
    for name in os.listdir("/proc"):
        fields = stat_fields(name) if name.isdigit() else None
        if fields:
            children.setdefault(int(fields[1]), []).append(int(name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, ())
    return found


def cpu_seconds(pids):
    """User and system time, that of ended children included."""
    total = 0
    for pid in pids:
        fields = stat_fields(pid)
        if fields:
            total += sum(int(each) for each in fields[11:15])
    return total / TICK


def thread_seconds(pid, thread):
    """From schedstat, which counts nanoseconds; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
            return int(file.read().split()[0]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def loop_seconds(pid):
    """CPU time of the main thread alone (an event loop)."""
    return thread_seconds(pid, pid)


def other_seconds(pid):
    """CPU time of all threads but the main one."""
    try:
        return sum(thread_seconds(pid, each) for each in os.listdir(f"/proc/{pid}/task") if int(each) != pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def memory_mib(pids, which="VmHWM"):
    """Peak (VmHWM) or present (VmRSS) resident memory, summed over the processes."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/status") as file:
                for line in file:
                    if line.startswith(which + ":"):
                        total += int(line.split()[1])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total / 1024


def reset_peak(pids):
    """From here on VmHWM is the peak of what follows (proc(5), clear_refs)."""
    for pid in pids:
        try:
            with open(f"/proc/{pid}/clear_refs", "w") as file:
                file.write("5")
        except OSError:
            pass


def available_mib():
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    return 0


def need_memory(mib, what):
    found = available_mib()
    if found < mib:
        raise Refused(f"found {found} MiB of memory available, expected {mib} for {what}")


def need_descriptors(sessions, what):
    """Raises the limit, which the processes started later inherit."""
    wanted = sessions + DESCRIPTORS_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE,
                               (wanted, hard if hard == resource.RLIM_INFINITY else max(hard, wanted)))
        except (ValueError, OSError):
            raise Refused(f"found a limit of {hard} file descriptors, expected {wanted} for {what}: raise it with "
                          f"ulimit -Hn {wanted}, or LimitNOFILE in systemd") from None


def port_open(pid, port):
    """Does somebody listen on the TCP port in the namespace of that process?"""
    wanted = f":{port:04X}"
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{name}") as file:
                for line in file:
                    words = line.split()
                    if words[3] == "0A" and words[1].endswith(wanted):
                        return True
        except (FileNotFoundError, ProcessLookupError):
            pass
    return False
