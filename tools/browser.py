"""JupyterLab in a real browser, for tests and for the pictures of the documentation."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
"""for containers: they run as root, without a graphics card, and with little shared memory"""
PATIENCE = 180
"""seconds for what takes two on a machine that has nothing else to do"""

_QUIET = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
"""no question about news in front of what is to be seen"""


def starts(path: str) -> bool:
    """Whether a browser runs: on Ubuntu ``chromium-browser`` may be a script that only speaks of snaps."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and b"Chrom" in done.stdout


@cache
def chromium() -> str | None:
    """A Chromium that runs: the system's, else the one that Playwright fetched; None if there is none."""
    for name in NAMES:
        path = shutil.which(name)
        if path is not None and starts(path):
            return path
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if os.path.exists(own) and starts(own) else None


@contextmanager
def page_of(scheme: str = "light", **viewport: int) -> Iterator[Any]:
    """A page of a browser that is closed in the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=OPTIONS, timeout=PATIENCE * 1000
        )
        try:
            page = browser.new_page(viewport=viewport or None, color_scheme=scheme)
            page.set_default_timeout(PATIENCE * 1000)
            yield page
        finally:
            browser.close()


@contextmanager
def jupyterlab(folder: Path, settings: dict[str, Any] | None = None) -> Iterator[str]:
    """Address of a JupyterLab that serves a folder; ``{}`` in it stands for the path of a notebook.

    Parameters
    ----------
    folder : Path
        Its own files go into hidden folders there.
    settings : dict, optional
        Settings of its plug-ins, by name of the plug-in.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(8)
    config = folder / ".jupyter"
    for plugin, values in {**_QUIET, **(settings or {})}.items():
        place = config / "lab" / "user-settings" / plugin.replace(":", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.with_name(place.name + ".jupyterlab-settings").write_text(json.dumps(values))
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "IPYTHONDIR": str(folder / ".ipython"),
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_RUNTIME_DIR": str(folder / ".runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(config / "lab" / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".workspaces"),
    }
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", f"--ServerApp.token={token}"]
    options += ["--allow-root", "--LabApp.news_url=None"]
    options += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with (folder / ".log").open("w") as log:
        command = [sys.executable, "-m", "jupyterlab", *options]
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(server, f"{address}/api?token={token}", folder / ".log")
        yield f"{address}/lab/tree/{{}}?token={token}&reset"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(server: Any, address: str, log: Path) -> None:
    """Until the server answers."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError as error:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(log.read_text()[-2000:]) from error
            time.sleep(0.25)


def write_notebook(path: Path, *cells: str) -> None:
    """A notebook of code cells; one that begins with ``#`` and a blank is text."""
    made: list[dict[str, Any]] = []
    for number, source in enumerate(cells):
        cell = {"id": f"cell{number}", "metadata": {}, "source": source}
        code = {"cell_type": "code", "execution_count": None, "outputs": []}
        made.append({**cell, "cell_type": "markdown"} if source.startswith("# ") else {**cell, **code})
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content))


def run_all(page: Any, cells: int) -> None:
    """Run every cell of the notebook that is open, and wait until the last of `cells` code cells is done."""
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    # Before the kernel is there, "run" would ask which one to take.
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.locator(".jp-InputPrompt", has_text=f"[{cells}]:").first.wait_for(state="attached")
