"""Filter expressions: compiled by libpcap, run over columns of frames. Never starts tcpdump.

A `Filter` is what a caller holds: one expression for frames of any link types. A `Program` is that
expression compiled for one of them. Names of hosts and networks are the only thing for which libpcap
asks a name server; nothing here does.
"""

from __future__ import annotations

import ctypes
import re
import struct
import sys

import numpy as np

from tcpflow_scapy.capture import libpcap
from tcpflow_scapy.capture.bpf_machine import Instruction, Machine
from tcpflow_scapy.capture.frames import Array, FrameBatch
from tcpflow_scapy.errors import FilterError, FilterUnavailable

DEFAULT_SNAPLEN = 262144
"""what a matching program returns; tcpdump's default"""

NETMASK = 0
"""for `ip broadcast`; what tcpdump takes when it reads files: a capture does not tell its networks"""

REFERENCES = (1, 105, 113, 276, 117, 123, 140)
"""LINKTYPE_ numbers by which an expression is judged: Ethernet, and those for which libpcap has words of
their own (802.11, Linux cooked with `inbound` and `ifindex`, pflog, ATM, SS7)"""

SAME_AS = {12: 101, 14: 101}
"""raw IP by the DLT_ numbers of different systems, which some files carry instead of 101"""

HOST_ORDER = frozenset((0, 109))
"""Link types whose frames begin with an address family in the byte order of the capturing machine
(NULL, ENC). libpcap goes by the file's header; we go by the frame, which also holds for pcapng and pipes."""

_RET_K = 0x06
_REJECTS = "expression rejects all packets"
_FINAL = re.compile(f"^unknown |syntax error|{_REJECTS}")
"""words that another link type would not change; asking again could mean another look-up of a name"""


class Program:
    """An expression compiled for one link type.

    Parameters
    ----------
    expression : str
    linktype : int
        LINKTYPE_ number.
    instructions : tuple of (code, jt, jf, k)
        The BPF program.
    swapped : tuple of (code, jt, jf, k), optional
        For link types of `HOST_ORDER`: the program for frames from machines of the other byte order.
    """

    def __init__(
        self,
        expression: str,
        linktype: int,
        instructions: tuple[Instruction, ...],
        swapped: tuple[Instruction, ...] | None = None,
    ) -> None:
        self.expression = expression
        self.linktype = linktype
        self.instructions = instructions
        self._machine = Machine(instructions)
        self._swapped = Machine(swapped) if swapped is not None else None

    def matches(self, memory: Array, position: Array, caplen: Array, wirelen: Array) -> Array:
        """Which frames match.

        Parameters
        ----------
        memory : uint8[m]
            Bytes in which all frames lie.
        position, caplen, wirelen : int64[n]
            Start of each frame in `memory`, bytes kept, bytes on the wire.

        Returns
        -------
        bool[n]
        """
        if self._swapped is None:
            return self._machine.run(memory, position, caplen, wirelen)
        swapped = _other_byte_order(memory, position, caplen)
        if not swapped.any():
            return self._machine.run(memory, position, caplen, wirelen)
        accepted = np.zeros(len(position), bool)
        for machine, rows in ((self._machine, ~swapped), (self._swapped, swapped)):
            accepted[rows] = machine.run(memory, position[rows], caplen[rows], wirelen[rows])
        return accepted

    def bytecode(self) -> bytes:
        """The program as an array of struct bpf_insn (Linux: struct sock_filter), in host byte order."""
        return b"".join(struct.pack("=HBBI", *instruction) for instruction in self.instructions)

    def __repr__(self) -> str:
        size = len(self.instructions)
        return f"<Program {self.expression!r} for link type {self.linktype}: {size} instructions>"


class Filter:
    """An expression for frames of any link types; compiled when a link type first turns up.

    Parameters
    ----------
    expression : str
        pcap-filter language; empty or blank matches everything.

    Raises
    ------
    FilterError
        At once, if the expression itself is wrong, in libpcap's words.
    LibpcapMissing
        If an expression is given and there is no libpcap.
    """

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.unavailable: dict[int, str] = {}
        """link types this expression cannot be compiled for, with libpcap's words; grows while running"""
        self._programs: dict[int, Program] = {}
        # Compiled for Ethernet at once, and kept: libpcap needs seconds for some hundreds of hosts. What only
        # Ethernet does not understand is no fault of the expression.
        self.program(REFERENCES[0])
        self.unavailable.clear()

    def program(self, linktype: int) -> Program | None:
        """The program for a link type; None where there can be none (see `unavailable`)."""
        if linktype in self.unavailable:
            return None
        program = self._programs.get(linktype)
        if program is None:
            try:
                program = compile_filter(self.expression, linktype)
            except FilterUnavailable as error:
                self.unavailable[linktype] = error.reason
                return None
            self._programs[linktype] = program
        return program

    def matches(self, batch: FrameBatch) -> Array:
        """Which frames of a batch match: bool[n].

        Frames of a link type that libpcap cannot filter do not match; `unavailable` has the reason.
        """
        linktype = batch.linktype
        columns = batch.memory, batch.position, batch.caplen, batch.wirelen
        if not len(batch):
            return np.zeros(0, bool)
        if linktype.strides == (0,) or (linktype == linktype[0]).all():
            program = self.program(int(linktype[0]))
            return program.matches(*columns) if program else np.zeros(len(batch), bool)
        accepted = np.zeros(len(batch), bool)
        for number in np.unique(linktype):
            program = self.program(int(number))
            if program is not None:
                rows = np.flatnonzero(linktype == number)
                accepted[rows] = program.matches(columns[0], *(c[rows] for c in columns[1:]))
        return accepted

    def __repr__(self) -> str:
        return f"<Filter {self.expression!r}>"


def compile_filter(expression: str, linktype: int, snaplen: int = DEFAULT_SNAPLEN) -> Program:
    """Compile a pcap-filter expression for one link type.

    Parameters
    ----------
    expression : str
        pcap-filter language; empty or blank matches everything (and needs no libpcap).
    linktype : int
        LINKTYPE_ number, as found in capture files.
    snaplen : int
        What the program returns for a match: bytes to keep.

    Raises
    ------
    FilterError
        The expression is wrong: libpcap's words.
    FilterUnavailable
        The expression is right, but not for frames of this link type.
    LibpcapMissing
        There is no libpcap.
    """
    encoded = _encode(expression)
    if not encoded:
        return Program(expression, linktype, ((_RET_K, 0, 0, snaplen),))
    other = "big" if sys.byteorder == "little" else "little"
    try:
        instructions = _compile(encoded, linktype, snaplen)
        swapped = _compile(encoded, linktype, snaplen, other) if linktype in HOST_ORDER else None
    except FilterError as refused:
        fault = _fault(encoded)
        if fault:
            raise FilterError(fault) from None
        if _REJECTS in str(refused):
            # `ip6` on raw IPv4: pointless on its own, but an answer where there are other link types.
            return Program(expression, linktype, ((_RET_K, 0, 0, 0),))
        raise FilterUnavailable(linktype, str(refused)) from None
    return Program(expression, linktype, instructions, swapped)


def _encode(expression: str) -> bytes:
    """An expression as libpcap takes it."""
    text = expression.strip()
    if "\0" in text:
        raise FilterError("a filter expression cannot contain a NUL character")
    if not text.isascii():
        odd = next(c for c in text if not c.isascii())
        raise FilterError(f"a filter expression must be ASCII, this one contains U+{ord(odd):04X}")
    return text.encode("ascii")


def _fault(expression: bytes) -> str:
    """What is wrong with an expression in itself, not only for some link type; empty if nothing is."""
    fault = ""
    for linktype in REFERENCES:
        try:
            _compile(expression, linktype, DEFAULT_SNAPLEN)
        except FilterError as error:
            # Ethernet's words are the ones people know.
            fault = fault or str(error)
            if _FINAL.search(fault):
                break
        else:
            return ""
    return fault


def _compile(
    expression: bytes, linktype: int, snaplen: int, byteorder: str = sys.byteorder
) -> tuple[Instruction, ...]:
    """pcap_compile, as for a capture file of that link type and byte order."""
    library = libpcap.load()
    try:
        handle = library.open_empty(SAME_AS.get(linktype, linktype), snaplen, byteorder)
    except OSError as error:
        raise FilterError(f"libpcap: {error}") from None
    program = libpcap.BpfProgram()
    try:
        with library.lock:
            status = library.compile(handle, ctypes.byref(program), expression, 1, NETMASK)
        if status != 0:
            raise FilterError(library.error(handle))
        try:
            return tuple((i.code, i.jt, i.jf, i.k) for i in program.instructions[: program.length])
        finally:
            library.freecode(ctypes.byref(program))
    finally:
        library.close(handle)


def _other_byte_order(memory: Array, position: Array, caplen: Array) -> Array:
    """bool[n]: frames whose leading address family only makes sense in the other byte order."""
    words = np.ndarray((max(len(memory) - 3, 0),), "=u4", memory, strides=(1,))
    enough = caplen >= 4
    family = np.zeros(len(position), np.uint32)
    family[enough] = words[position[enough]]
    # Families are small numbers: the smaller reading is the right one.
    return family > family.byteswap()
