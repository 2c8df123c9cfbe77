"""In a real kernel: the view of a running capture is replaced until it ends."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.peer

CELLS = [
    """
import os, socket, threading, time
from tcpflow_scapy import sniff
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
live = sniff("lo", filter=f"tcp port {port}")
live
""",
    """
def answer():
    with server.accept()[0] as connection:
        connection.recv(100)
        connection.sendall(b"answer" * 1000)
thread = threading.Thread(target=answer); thread.start()
with socket.create_connection(("127.0.0.1", port)) as client:
    client.sendall(b"question")
    while client.recv(65536):
        pass
thread.join(); server.close()
time.sleep(2.5)
async def first():
    async for flow in live.closed():
        return flow.server.data
import asyncio
task = asyncio.create_task(first())
await asyncio.sleep(0)
""",
    # What a cell's threads show counts only while the cell runs, in whatever executes notebooks.
    """
flows = live.stop()
assert (await task) == b'answer' * 1000
assert len(flows) == 1
for thread in threading.enumerate():
    if thread.name == "capture-view":
        thread.join(60)
time.sleep(2)
""",
]


def test_the_table_refreshes_itself(need_root: Callable[[], None]) -> None:
    need_root()
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    nbclient.NotebookClient(notebook, timeout=180, kernel_name="python3").execute()
    # The display of the first cell is what it was replaced by last.
    [shown] = notebook.cells[0].outputs
    html = "".join(shown["data"]["text/html"])
    assert "stopped" in html
    assert "127.0.0.1" in html
    assert "6.0 kB" in html
    assert not any("error" in json.dumps(cell.outputs) for cell in notebook.cells[1:])
