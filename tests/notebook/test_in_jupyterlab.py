"""The flow browser in JupyterLab in Chromium: clicked like a person would, and nothing from the network."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    *(
        pytest.mark.skipif(find_spec(name) is None, reason=f"needs {name}")
        for name in ("playwright", "jupyterlab", "ipywidgets", "itables")
    ),
]


def notebook(path: Path, *cells: str) -> None:
    code = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    content = {
        "cells": [{**code, "id": f"cell{i}", "source": text} for i, text in enumerate(cells)],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(content))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """Address of a JupyterLab whose folder is `tmp_path`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": str(tmp_path / ".ipython"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / ".jupyter"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / ".runtime"),
    }
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.token=tok", "--allow-root"]
    options += ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    command = [sys.executable, "-m", "jupyterlab", *options]
    with (tmp_path / ".log").open("w") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/api?token=tok", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, (tmp_path / ".log").read_text()[-2000:]
                time.sleep(0.25)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def run_all(page: Any) -> None:
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
    # Before the kernel is there, "run" would ask which one to take.
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=90_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


def test_sort_filter_select_mark_and_export(lab: str, tmp_path: Path, sample_pcaps: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    notebook(
        tmp_path / "x.ipynb",
        f"%load_ext tcpflow_scapy\n%flows {sample_pcaps / 'http_ipv4.pcap'}",
        "b = flows.browse(rows=10)\nb",
    )
    foreign: list[str] = []

    def watch(request: Any) -> None:
        if not request.url.startswith((lab, lab.replace("http", "ws"), "data:", "blob:")):
            foreign.append(request.url)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1500, "height": 1400})
        page.on("request", watch)
        page.goto(f"{lab}/lab/tree/x.ipynb?token=tok&reset", wait_until="domcontentloaded")
        run_all(page)
        rows = page.locator("table.dataTable tbody tr")
        expect(rows).to_have_count(3, timeout=90_000)

        page.get_by_label("sort by").select_option("client_bytes")
        expect(rows.first).to_contain_text("10.20.0.1:51684")
        page.get_by_label("descending").check()
        expect(rows.first).to_contain_text("10.20.0.1:60660")

        rows.first.click()
        expect(page.get_by_text("> GET /style.css HTTP/1.1").first).to_be_visible()
        page.get_by_role("tab", name="HTTP").click()
        expect(page.get_by_text("http://www.example.test/logo.png").first).to_be_visible()
        page.get_by_role("tab", name="Graph").click()
        expect(page.get_by_role("img", name="Time-sequence graph of flow 0")).to_be_visible(timeout=30_000)

        page.get_by_role("button", name="mark", exact=True).click()
        expect(page.get_by_text("3 flows, 1 marked")).to_be_visible()
        page.get_by_role("textbox", name="filter").fill("60664")
        page.get_by_role("textbox", name="filter").press("Enter")
        expect(rows).to_have_count(1)
        page.get_by_role("button", name="export").click()
        expect(page.get_by_text("files of 1 flow are in flows-out").last).to_be_visible()
        shot = page.screenshot()
        browser.close()
    assert shot.startswith(b"\x89PNG")
    assert len(shot) > 20_000
    assert len(list((tmp_path / "flows-out").iterdir())) == 2
    assert not foreign
