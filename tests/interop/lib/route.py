"""A path as a daemon shows it, in one form for all of them; and what every daemon wrapper has."""

import dataclasses


@dataclasses.dataclass
class Path:
    """One path of a prefix. What the daemon does not show is None."""

    prefix: str
    next_hop: str = None
    as_path: tuple = ()
    med: int = None
    local_pref: int = None
    origin: str = None  # igp, egp, incomplete
    communities: frozenset = frozenset()
    originator_id: str = None
    cluster_list: tuple = ()
    peer: str = None
    path_id: int = None


@dataclasses.dataclass
class Announcement:
    """A route that a daemon originates."""

    prefix: str
    next_hop: str
    med: int = None
    communities: tuple = ()

    @property
    def ipv6(self):
        return ":" in self.prefix


class Daemon:
    """What the tests ask of every implementation. `neighbors` are the reflectors' addresses, all
    internal unless `remote_as` says otherwise."""

    kind = None  # its name in the matrix
    families = ("ipv4-unicast", "ipv6-unicast")

    def __init__(self, host, as_number, router_id, neighbors, remote_as=None, families=None):
        self.host = host
        self.as_number = as_number
        self.remote_as = remote_as or as_number
        self.router_id = router_id
        self.neighbors = list(neighbors)
        self.families = families or type(self).families
        self.announced = {}
        self.process = None

    def local(self, neighbor):
        return self.host.ipv6 if ":" in neighbor else self.host.ipv4

    def start(self):
        raise NotImplementedError

    def established(self, neighbor):
        raise NotImplementedError

    def announce(self, announcement):
        raise NotImplementedError

    def withdraw(self, prefix):
        raise NotImplementedError

    def paths(self, prefix):
        """The paths of exactly this prefix that were learned by BGP, as its own CLI shows them."""
        raise NotImplementedError

    def paths_of(self, prefixes):
        """{prefix: paths} of several, for daemons whose CLI is slow to start."""
        return {prefix: self.paths(prefix) for prefix in prefixes}

    def kill(self):
        """As a crash: no NOTIFICATION is sent."""
        self.process.kill()
