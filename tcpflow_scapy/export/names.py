"""tcpflow's language for file names: ``%A.%a-%B.%b%V%v%C%c`` and its relatives.

Pure functions over a small record of fields; nothing here touches a disk. A template is checked when it
is made, not when the first file is named, and no name it gives can leave the output folder.

Escapes
-------
``%A %B``         source and destination address: IPv4 octets padded to three digits, IPv6 as inet_ntop has it
``%a %b``         source and destination port, five digits
``%E %e``         source and destination MAC address of the direction's first frame
``%T %t``         time of the direction's first packet: ``2020-09-13T12:26:40Z``, or Unix seconds
``%V %v``         ``--`` and the VLAN id, both empty without a VLAN tag
``%C %c``         ``c`` and the collision count, both empty for the first file of a name
``%#``            the collision count, always
``%N %K %M %G``   the direction's number modulo 1000: units, thousands, millions, 10**9; three digits
``%S``            number of the connection, twenty digits; both directions have the same
``%%``            a percent sign
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.stream import Stream

DEFAULT_TEMPLATE = "%A.%a-%B.%b%V%v%C%c"

NO_MAC = bytes(6)

PREFIXES: dict[str, str] = {
    "t": "%tT",
    "T": "%T",
    "k": "%K/",
    "m": "%M000-%M999/%M%K/",
    "g": "%G000000-%G999999/%G%M000-%G%M999/%G%M%K/",
}
"""What each letter of ``-F`` puts in front of the template (``c`` and ``X`` are no prefixes)."""


@dataclass(slots=True)
class NameFields:
    """What a file name can tell about one direction of a connection."""

    source: bytes
    """packed address, 4 or 16 bytes"""
    destination: bytes
    source_port: int
    destination_port: int
    start_ns: int = 0
    """time of the direction's first packet, ns since the epoch"""
    vlan: int | None = None
    """id of the outermost VLAN tag (12 bits, without the priority)"""
    number: int = 0
    """position of the direction among all directions, by first packet, from 0"""
    session: int = 0
    """number of the connection, from 0"""
    source_mac: bytes = NO_MAC
    destination_mac: bytes = NO_MAC


@lru_cache(maxsize=65536)
def address_text(packed: bytes) -> str:
    """An address as file names have it: ``010.000.000.001``, ``2001:db8::1``, ``::ffff:1.2.3.4``."""
    if len(packed) == 4:
        return "{:03d}.{:03d}.{:03d}.{:03d}".format(*packed)
    return socket.inet_ntop(socket.AF_INET6, packed)


def _iso_seconds(fields: NameFields) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(fields.start_ns // 10**9))


def _mac_text(mac: bytes) -> str:
    return mac.hex(":")


FIELD_ESCAPES: dict[str, Callable[[NameFields], str]] = {
    "A": lambda f: address_text(f.source),
    "B": lambda f: address_text(f.destination),
    "a": lambda f: f"{f.source_port:05d}",
    "b": lambda f: f"{f.destination_port:05d}",
    "E": lambda f: _mac_text(f.source_mac),
    "e": lambda f: _mac_text(f.destination_mac),
    "T": _iso_seconds,
    "t": lambda f: str(f.start_ns // 10**9),
    "V": lambda f: "" if f.vlan is None else "--",
    "v": lambda f: "" if f.vlan is None else str(f.vlan),
    "N": lambda f: f"{f.number % 1000:03d}",
    "K": lambda f: f"{f.number // 10**3 % 1000:03d}",
    "M": lambda f: f"{f.number // 10**6 % 1000:03d}",
    "G": lambda f: f"{f.number // 10**9 % 1000:03d}",
    "S": lambda f: f"{f.session:020d}",
}
"""Escapes that depend on the direction alone."""

COUNT_ESCAPES: dict[str, Callable[[int], str]] = {
    "C": lambda count: "c" if count else "",
    "c": lambda count: str(count) if count else "",
    "#": str,
}
"""Escapes that depend on how often the name was taken."""

ALWAYS_COUNTED = COUNT_ESCAPES | {"C": lambda count: "c", "c": str}

MAY_BE_EMPTY = frozenset("VvCc")


class Template:
    """A checked file-name template.

    Parameters
    ----------
    text : str
        The template. ``%C%c`` is appended where ``%c`` does not occur, so that no two files can want
        the same name for ever.
    always_count : bool
        Show ``c0`` on the first file of a name too (the meaning that tcpflow's manual gives ``-Fc``).

    Raises
    ------
    ValueError
        An unknown escape, a lone ``%`` at the end, a name that could be empty, or one that would lie
        outside the output folder.
    """

    __slots__ = ("_count_escapes", "_literals", "is_default", "letters", "text")

    def __init__(self, text: str = DEFAULT_TEMPLATE, *, always_count: bool = False) -> None:
        literals, letters = _split(text)
        if "c" not in letters:
            literals, letters = _split(text + "%C%c")
        self.text = text
        self.letters = letters
        """the escapes that occur, in order"""
        self._literals = literals
        self._count_escapes = ALWAYS_COUNTED if always_count else COUNT_ESCAPES
        self.is_default = text == DEFAULT_TEMPLATE and not always_count
        """True for tcpflow's own template, for which there is a shorter way (`NamesOfRows`)"""
        self._check(MAY_BE_EMPTY - COUNT_ESCAPES.keys() if always_count else MAY_BE_EMPTY)

    def expand(self, fields: NameFields, count: int = 0) -> str:
        """The name of a direction that found `count` files of its name before it.

        Returns
        -------
        str
            A relative path with ``/`` between folders; never empty, never leading out of the folder.
        """
        parts = [self._literals[0]]
        for letter, literal in zip(self.letters, self._literals[1:], strict=True):
            escape = FIELD_ESCAPES.get(letter)
            parts.append(self._count_escapes[letter](count) if escape is None else escape(fields))
            parts.append(literal)
        return "".join(parts)

    def _check(self, may_be_empty: frozenset[str]) -> None:
        """Refuse templates whose names could be absolute, empty or outside the folder.

        No escape gives a dot or a slash that could be taken for a folder's name, so the worst a name
        can become is the template with every escape gone that may be empty.
        """
        parts = [self._literals[0]]
        for letter, literal in zip(self.letters, self._literals[1:], strict=True):
            parts += ["" if letter in may_be_empty else "0", literal]
        folders = "".join(parts).split("/")
        if len(folders) > 1 and folders[0] == "":
            raise ValueError(f"the file-name template {self.text!r} is absolute; name the folder with outdir")
        if ".." in folders:
            raise ValueError(f"the file-name template {self.text!r} leads out of the output folder")
        if folders[-1] in ("", "."):
            raise ValueError(f"the file-name template {self.text!r} can give an empty name")

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


def _split(text: str) -> tuple[list[str], list[str]]:
    """Literals and the escapes between them: always one literal more than escapes."""
    if "\0" in text:
        raise ValueError("a file-name template cannot hold a zero byte")
    literals, letters = [""], []
    pieces = iter(re.split(r"%(.)", text, flags=re.DOTALL))
    literals[0] = next(pieces)
    for letter, literal in zip(pieces, pieces, strict=True):
        if letter == "%":
            literals[-1] += "%" + literal
        elif letter in FIELD_ESCAPES or letter in COUNT_ESCAPES:
            letters.append(letter)
            literals.append(literal)
        else:
            known = " ".join(f"%{known}" for known in [*FIELD_ESCAPES, *COUNT_ESCAPES, "%"])
            raise ValueError(f"unknown escape %{letter} in the file-name template {text!r}; known: {known}")
    if literals[-1].endswith("%") and not re.fullmatch(r"(?s)(?:[^%]|%.)*", text):
        raise ValueError(f"the file-name template {text!r} ends with a lone %; write %% for a percent sign")
    return literals, letters


@dataclass(slots=True)
class TemplateChoice:
    """A template as the command line builds it up: ``-T`` replaces, each letter of ``-F`` edits."""

    text: str = DEFAULT_TEMPLATE
    always_count: bool = False

    def replace(self, text: str) -> None:
        """What ``-T`` does: forget every earlier ``-F``."""
        self.text = text
        self.always_count = False

    def edit(self, flags: str) -> None:
        """Apply the letters of ``-F`` from left to right.

        Raises
        ------
        ValueError
            A letter that says nothing about names.
        """
        for flag in flags:
            if flag == "c":
                self.always_count = True
            elif flag in PREFIXES:
                self.text = PREFIXES[flag] + self.text
            else:
                known = " ".join(["c", *PREFIXES])
                raise ValueError(f"unknown file-name letter {flag!r}; known: {known}")

    def template(self) -> Template:
        """The checked template."""
        return Template(self.text, always_count=self.always_count)


def name_column(names: Sequence[str]) -> pd.Series:
    """File names as a column of a table, those that are not UTF-8 included (`os.fsdecode`).

    Such a name cannot be stored as pandas stores other text if it has pyarrow.
    """
    import pandas as pd

    return pd.Series(list(names), dtype=pd.StringDtype("python", na_value=float("nan")))


def stream_name(stream: Stream) -> str:
    """The default file name of one stream, without a collision count."""
    return Template().expand(stream_fields(stream))


def stream_fields(stream: Stream) -> NameFields:
    """What the name of one stream can be made of (its number and MAC addresses left out)."""
    evidence, number = stream._evidence, stream._number
    sender, receiver = (int(evidence.reassembly.streams.address[n]) for n in (number, number ^ 1))
    tags = stream.flow.vlan
    return NameFields(
        evidence.packets.addresses.packed(sender >> 16),
        evidence.packets.addresses.packed(receiver >> 16),
        sender & 0xFFFF,
        receiver & 0xFFFF,
        stream.start_ns or 0,
        tags[0] if tags else None,
        session=number >> 1,
    )
