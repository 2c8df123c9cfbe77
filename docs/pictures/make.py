"""Take the pictures of the README and the documentation anew: `make pictures`, or one by name.

    python docs/pictures/make.py [terminal] [browser] [notebook] [plots]

The terminal is a real one (tmux), the browser too (JupyterLab in Chromium), and the traffic is that of
sample_pcaps/. Nothing is drawn by hand, so a picture shows what there is.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from tools.browser import jupyterlab, page_of, run_all, write_notebook  # noqa: E402

PATIENCE = 60
"""seconds for a prompt to come back"""


# -- a terminal -----------------------------------------------------------------------------------------


@contextmanager
def terminal(columns: int, lines: int, command: str) -> Iterator[Callable[[str], None]]:
    """A command in a terminal; call with a line to type it and wait for the next prompt of IPython."""
    name = f"pictures-{secrets.token_hex(4)}"
    tmux = ["tmux", "-L", name, "-f", "/dev/null"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    scratch = tempfile.TemporaryDirectory()
    profile = Path(scratch.name) / "profile_default"
    profile.mkdir()
    (profile / "ipython_config.py").write_text("c.TerminalInteractiveShell.enable_tip = False\n")
    environment |= {"IPYTHONDIR": scratch.name, "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"}

    def run(*words: str) -> str:
        done = subprocess.run([*tmux, *words], env=environment, cwd=ROOT, capture_output=True, check=True)
        return done.stdout.decode()

    def prompts() -> int:
        return len(re.findall(r"^In \[\d+\]:", run("capture-pane", "-p", "-S", "-1000"), re.M))

    def wait(number: int) -> None:
        end = time.monotonic() + PATIENCE
        while prompts() < number:
            if time.monotonic() > end:
                raise TimeoutError(run("capture-pane", "-p"))
            time.sleep(0.2)

    def type_in(line: str) -> None:
        before = prompts()
        run("send-keys", "-l", line)
        run("send-keys", "Enter")
        wait(before + 1)

    size = ["-x", str(columns), "-y", str(lines)]
    run("new-session", "-d", *size, command)
    try:
        run("set-option", "-g", "status", "off")
        wait(1)
        type_in.screen = lambda: run("capture-pane", "-e", "-p")  # type: ignore[attr-defined]
        yield type_in
    finally:
        run("kill-server")
        scratch.cleanup()


SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's own template would fetch a font from the network"""


def svg(screen: str, columns: int, path: Path, title: str) -> None:
    """A screen with its colours as a picture that scales."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen.rstrip("\n")), end="")
    # A name of its own for each picture would make each run a change.
    path.write_text(console.export_svg(title=title, code_format=SVG, unique_id=path.stem) + "\n")


def take_terminal() -> None:
    """IPython with the flows of the memory image."""
    command = "tcpflow-scapy -r sample_pcaps/mem.pcap --shell"
    with terminal(108, 45, command) as type_in:
        type_in("flows")
        type_in("%follow 0")
        type_in("flows.loc[4].gaps[['direction', 'start', 'end', 'cause']]")
        screen = type_in.screen()  # type: ignore[attr-defined]
    svg(screen, 108, HERE / "terminal.svg", command)


# -- a notebook -----------------------------------------------------------------------------------------


@contextmanager
def notebook(*cells: str, dark: bool = False, width: int, height: int) -> Iterator[Any]:
    """A notebook in JupyterLab, all of it run."""
    theme = {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"}
    settings = {
        "@jupyterlab/apputils-extension:themes": theme,
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for sample in (ROOT / "sample_pcaps").glob("*.pcap*"):
            (folder / sample.name).symlink_to(sample)
        write_notebook(folder / "evidence.ipynb", *cells)
        code = sum(not cell.startswith("# ") for cell in cells)
        with jupyterlab(folder, settings) as address, page_of(width=width, height=height) as page:
            page.goto(address.format("evidence.ipynb"), wait_until="domcontentloaded")
            page.wait_for_selector(".jp-Notebook .jp-Cell")
            run_all(page, code)
            if page.locator("#jp-left-stack").is_visible():
                page.keyboard.press("Control+b")
            page.locator("#jp-left-stack").wait_for(state="hidden")
            yield page


def shoot(page: Any, path: Path) -> None:
    """The cells, without what surrounds them."""
    page.mouse.move(5, 5)
    page.wait_for_timeout(1500)
    frame = page.locator(".jp-NotebookPanel-notebook").first.bounding_box()
    last = page.locator(".jp-Cell").last.bounding_box()
    frame["height"] = min(frame["height"], last["y"] + last["height"] + 12 - frame["y"])
    page.screenshot(path=path, clip=frame)


def browse(dark: bool) -> None:
    cells = (
        "from tcpflow_scapy import reassemble\n\nflows = reassemble('mem.pcap')",
        "browser = flows.browse(rows=10)\nbrowser",
    )
    with notebook(*cells, dark=dark, width=1500, height=860) as page:
        rows = page.locator("table.dataTable tbody tr")
        rows.nth(6).wait_for()
        page.get_by_label("sort by").select_option("server_bytes")
        page.get_by_label("descending").check()
        page.get_by_text("10.20.0.77:53094").last.wait_for()
        for row in (0, 2):
            rows.nth(row).click()
            page.get_by_role("button", name="mark", exact=True).click()
            page.locator("table.dataTable tbody tr", has_text="✓").nth(row // 2).wait_for()
            rows.nth(row).click()
        rows.nth(6).click()
        page.get_by_text("> the list is in redis, key drop:7").first.wait_for()
        shoot(page, HERE / f"browser{'-dark' * dark}.png")


def take_browser() -> None:
    """The flow browser, in both themes."""
    browse(False)
    browse(True)


def take_notebook() -> None:
    """Tables, cards and a conversation in a notebook, in both themes."""
    cells = (
        "# Who lies?\nTwo answers came to one request. Which one was true?",
        "from tcpflow_scapy import reassemble\n\nflows = reassemble('injected_redirect.pcap')\nflows",
        "flows[0].follow(limit=250)",
        "flows[0].conflicts.query('length > 1')[['start', 'end', 'frame', 'delivered', 'other']]",
    )
    for dark in (False, True):
        with notebook(*cells, dark=dark, width=1100, height=1200) as page:
            shoot(page, HERE / f"notebook{'-dark' * dark}.png")


# -- plots ----------------------------------------------------------------------------------------------


def take_plots() -> None:
    """Four of the pictures."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from tcpflow_scapy import reassemble

    samples = ROOT / "sample_pcaps"
    flow = max(reassemble(samples / "loss_reordering.pcap"), key=lambda flow: flow.server.size)
    missed = max(reassemble(samples / "missed_frames.pcap"), key=lambda flow: flow.server.size)
    names = (
        "http_ipv4.pcap",
        "http_ipv6.pcap",
        "redis.pcap",
        "tls.pcap",
        "missed_frames.pcap",
        "port_reuse.pcap",
    )
    several = reassemble([samples / name for name in names])
    mpl.rcParams["svg.hashsalt"] = "tcpflow_scapy"
    figure = Figure(figsize=(13, 8.5), layout="constrained", facecolor="white")
    axes = figure.subplots(2, 2)
    flow.plot.time_sequence(ax=axes[0, 0])
    missed.plot.coverage(ax=axes[0, 1])
    flow.plot.throughput(ax=axes[1, 0])
    several.plot.endpoints(ax=axes[1, 1])
    figure.savefig(HERE / "plots.png", dpi=90)


TAKE: dict[str, Callable[[], None]] = {
    "terminal": take_terminal,
    "browser": take_browser,
    "notebook": take_notebook,
    "plots": take_plots,
}
"""Every picture by name."""

if __name__ == "__main__":
    for wanted in sys.argv[1:] or TAKE:
        TAKE[wanted]()
