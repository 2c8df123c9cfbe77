"""What people call the service behind a port: a habit, not a proof (`protocols.identify` reads bytes)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.plot import palette

Array = np.ndarray[Any, np.dtype[Any]]

NAMES: dict[int, str] = {
    20: "ftp-data",
    21: "ftp",
    22: "ssh",
    23: "telnet",
    25: "smtp",
    53: "dns",
    80: "http",
    88: "kerberos",
    110: "pop3",
    111: "rpc",
    119: "nntp",
    135: "msrpc",
    139: "netbios",
    143: "imap",
    179: "bgp",
    389: "ldap",
    443: "https",
    445: "smb",
    465: "smtps",
    514: "syslog",
    515: "lpd",
    548: "afp",
    554: "rtsp",
    587: "submission",
    631: "ipp",
    636: "ldaps",
    853: "dns-tls",
    873: "rsync",
    990: "ftps",
    993: "imaps",
    995: "pop3s",
    1080: "socks",
    1433: "mssql",
    1521: "oracle",
    1723: "pptp",
    1883: "mqtt",
    2049: "nfs",
    2375: "docker",
    3128: "proxy",
    3260: "iscsi",
    3268: "ldap-gc",
    3306: "mysql",
    3389: "rdp",
    5060: "sip",
    5222: "xmpp",
    5432: "postgresql",
    5900: "vnc",
    5985: "winrm",
    6379: "redis",
    6443: "kubernetes",
    6667: "irc",
    8000: "http-alt",
    8080: "http-alt",
    8443: "https-alt",
    8883: "mqtts",
    8888: "http-alt",
    9100: "printer",
    9200: "elastic",
    11211: "memcached",
    27017: "mongodb",
}
"""TCP ports that analysts meet (names after the IANA registry and common use)."""

OTHER = "other services"

_OWN_COLOUR = {80: palette.BLUE, 443: palette.GREEN, 22: palette.PURPLE}
"""The same in every picture, so that two captures can be compared at a glance."""


def service_name(port: int) -> str:
    """``80 http``; the bare number of a port without a name."""
    name = NAMES.get(port)
    return f"{port} {name}" if name else str(port)


def largest(ports: Array, weight: Array, limit: int) -> list[int]:
    """The ports of most weight, largest first; of equal ones the lower."""
    values, index = np.unique(ports, return_inverse=True)
    total = np.bincount(index, weights=weight, minlength=len(values))
    order = np.lexsort((values, -total))[:limit]
    return [int(values[i]) for i in order]


def colours(ports: list[int]) -> dict[str, str]:
    """Colour of each service by its name, grey for all others."""
    taken = {_OWN_COLOUR[p] for p in ports if p in _OWN_COLOUR}
    free = iter([c for c in palette.SERIES if c not in taken])
    found = {service_name(p): _OWN_COLOUR.get(p) or next(free, palette.GREY) for p in ports}
    return {**found, OTHER: palette.GREY}


class Services:
    """The services of a selection that get a name in a picture; all others are one.

    Parameters
    ----------
    ports : ndarray of int
        Server port of each thing counted.
    weight : ndarray
        How much it counts.
    limit : int
        How many services are named.
    """

    def __init__(self, ports: Array, weight: Array, limit: int) -> None:
        if limit < 0:
            raise ValueError("the number of services must not be negative")
        self._ports = largest(ports, weight, limit)
        self.names = [service_name(p) for p in self._ports]
        """in order of weight"""
        if len(np.unique(ports)) > len(self._ports):
            self.names.append(OTHER)
        self.colour = colours(self._ports)

    def codes(self, ports: Array) -> Array:
        """Index into `names` of each port."""
        order = np.argsort(self._ports)
        known = np.array(self._ports, np.int64)[order]
        if not len(known):
            return np.zeros(len(ports), np.int64)
        at = np.minimum(np.searchsorted(known, ports), len(known) - 1)
        return np.where(known[at] == ports, order[at], len(self._ports))
