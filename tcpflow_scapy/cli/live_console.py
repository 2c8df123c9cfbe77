"""-c and -C while a capture runs: packets as they come, or flows as they end."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tcpflow_scapy.cli.console import BLUE, RED, RESET, print_console, shown
from tcpflow_scapy.decode.packets import ACK, SYN
from tcpflow_scapy.export.names import NO_MAC, NameFields, Template
from tcpflow_scapy.render.escape import one_line

if TYPE_CHECKING:
    from tcpflow_scapy.cli.settings import Settings
    from tcpflow_scapy.live.engine_look import ClosedFlow
    from tcpflow_scapy.live.session import LiveCapture

REMEMBERED = 1 << 16
"""Streams whose first packet, name and client are remembered. Of one that is silent while so many others
speak, the next packet counts as its first."""


class _Stream:
    """What is remembered of one direction."""

    __slots__ = ("client", "header", "printed")

    def __init__(self, header: bytes, client: bool) -> None:
        self.header = header
        self.client = client
        self.printed = 0


class LiveConsole:
    """Prints payload of a running capture.

    Parameters
    ----------
    live : LiveCapture
        Not begun yet.
    template : Template
    settings : Settings
    out : binary file
    """

    def __init__(self, live: LiveCapture, template: Template, settings: Settings, out: BinaryIO) -> None:
        from tcpflow_scapy.live.tail import PacketTail

        self._live, self._template, self._settings, self._out = live, template, settings, out
        self._tail = PacketTail(live.engine)
        self._streams: OrderedDict[tuple[int, int, int], _Stream] = OrderedDict()
        self._numbers = 0
        self._flows: dict[int, int] = {}
        self.error: OSError | None = None
        """why nothing could be printed any more"""
        if settings.order == "packets" and not settings.json_lines:
            live.on_advance = self._guarded_packets
        else:
            live.on_flow = self._guarded_flow

    def _guarded_packets(self) -> None:
        if self.error is None:
            try:
                self._print_packets()
            except OSError as error:
                self._give_up(error)

    def _guarded_flow(self, flow: ClosedFlow) -> None:
        if self.error is None:
            try:
                self._print_flow(flow)
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Whoever read has gone: nothing is left to capture for."""
        self.error = error
        self._live.request_stop()

    # -- packets --------------------------------------------------------------------------------------

    def _print_packets(self) -> None:
        """Every segment with payload that came since the last time."""
        new = self._tail.new()
        names = ("source", "destination", "encapsulation", "flags", "time", "frame")
        columns = [new.columns[name].tolist() for name in names]
        end = b"\n" if self._settings.newline else b""
        parts: list[bytes] = []
        for data, vlan, *row in zip(new.payload, new.vlan, *columns, strict=True):
            source, destination, encapsulation, flags, time, frame = row
            if not data and not flags & SYN:
                continue
            stream = self._stream(source, destination, encapsulation, flags, vlan, time, frame)
            data = self._limited(stream, data)
            if data:
                record = stream.header + shown(data, self._settings)
                if self._settings.colour:
                    record = (BLUE if stream.client else RED) + record + RESET
                parts += (record, end)
        if parts:
            self._out.write(b"".join(parts))
            self._out.flush()

    def _limited(self, stream: _Stream, data: bytes) -> bytes:
        limit = self._settings.max_bytes
        if limit is not None:
            data = data[: max(limit - stream.printed, 0)]
            stream.printed += len(data)
        return data

    def _stream(
        self,
        source: int,
        destination: int,
        encapsulation: int,
        flags: int,
        vlan: int | None,
        time: int,
        frame: int,
    ) -> _Stream:
        """The direction that a packet belongs to."""
        key = source, destination, encapsulation
        found = self._streams.get(key)
        if found is not None and not flags & SYN:
            self._streams.move_to_end(key)
            return found
        back = self._streams.get((destination, source, encapsulation))
        client = _from_client(source, destination, flags, back)
        made = _Stream(self._header(source, destination, vlan, time, frame), client)
        if found is not None:
            made.printed = found.printed if not flags & ACK and found.client == client else 0
        self._streams[key] = made
        if len(self._streams) > REMEMBERED:
            self._streams.popitem(last=False)
        return made

    def _header(self, source: int, destination: int, vlan: int | None, time: int, frame: int) -> bytes:
        """What stands before each record: ``outdir/NAME: ``, as `console` has it."""
        settings = self._settings
        if not settings.header:
            return b""
        fields = NameFields(
            self._tail.packed(source >> 16),
            self._tail.packed(destination >> 16),
            source & 0xFFFF,
            destination & 0xFFFF,
            max(time, 0),
            vlan,
            number=self._numbers,
            session=self._numbers // 2,
        )
        self._numbers += 1
        if not {"E", "e"}.isdisjoint(self._template.letters):
            fields.source_mac, fields.destination_mac = self._tail.macs(frame) or (NO_MAC, NO_MAC)
        folder = "" if settings.outdir in (None, ".") else f"{settings.outdir}/"
        end = ": \n" if settings.hexadecimal else ": "
        return f"{one_line(folder + self._template.expand(fields))}{end}".encode()

    # -- flows ----------------------------------------------------------------------------------------

    def _print_flow(self, flow: ClosedFlow) -> None:
        """A flow that has ended, by stream or as a conversation; anew if it went on."""
        from tcpflow_scapy.flows.table import FlowTable

        number = self._flows.setdefault(flow.first_frame, len(self._flows))
        table = FlowTable(flow._evidence, np.array([flow.id]))
        print_console(table, self._template, self._settings, self._out, number=number)


def _from_client(source: int, destination: int, flags: int, back: _Stream | None) -> bool:
    """Whether a direction is the client's: by the handshake, by what the other one is, or by the ports."""
    if flags & SYN:
        return not flags & ACK
    if back is not None:
        return not back.client
    return source & 0xFFFF >= destination & 0xFFFF
