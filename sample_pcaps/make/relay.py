"""A TCP relay that keeps what passes: ``relay.py LISTEN PORT TARGET TARGET_PORT FOLDER``.

It stands in the server's namespace, on the server's address, in front of the real server on loopback: what
it reads is what the client's program sent, what it writes is what the server's program sent. For
each connection, in order of arrival, FOLDER gets ``N.json`` (who), ``N.client`` and ``N.server`` (the bytes).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from itertools import count
from pathlib import Path

BLOCK = 65_536


class Relay:
    """Connections to one address, passed on to another."""

    def __init__(self, target: tuple[str, int], folder: Path) -> None:
        self._target = target
        self._folder = folder
        self._numbers = count()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until both sides have closed."""
        number = next(self._numbers)
        peer, own = writer.get_extra_info("peername")[:2], writer.get_extra_info("sockname")[:2]
        who = {"client": peer[0], "client_port": peer[1], "server": own[0], "server_port": own[1]}
        base = self._folder / str(number)
        base.with_suffix(".json").write_text(json.dumps(who))
        _no_delay(writer)
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        _no_delay(far_writer)
        async with asyncio.TaskGroup() as group:
            group.create_task(_pass(reader, far_writer, base.with_suffix(".client")))
            group.create_task(_pass(far_reader, writer, base.with_suffix(".server")))
        for side in (writer, far_writer):
            side.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: Path) -> None:
    """Bytes one way, and the end of them; a connection that breaks ends quietly."""
    with log.open("wb", buffering=0) as kept, contextlib.suppress(ConnectionError):
        while block := await reader.read(BLOCK):
            kept.write(block)
            writer.write(block)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _no_delay(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def main() -> None:
    """Command line."""
    listen, port, target, target_port, folder = sys.argv[1:6]
    relay = Relay((target, int(target_port)), Path(folder))
    server = await asyncio.start_server(relay.serve, listen, int(port))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
