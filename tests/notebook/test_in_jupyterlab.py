"""A notebook and the flow browser in JupyterLab in Chromium, clicked as a person would, offline."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import absent
from tests.helpers.traffic import Capture, Conversation
from tools.browser import PATIENCE, chromium, jupyterlab, page_of, run_all, write_notebook
from tools.notebooks import ROOT

pytestmark = [pytest.mark.peer, pytest.mark.browser]

FIRST = "01_first_look.ipynb"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder, and the JupyterLab that serves it."""
    for name in ("playwright", "jupyterlab", "ipywidgets", "itables", "plotly", "matplotlib"):
        if find_spec(name) is None:
            absent(name)
    if chromium() is None:
        absent("a Chromium that runs (or: python -m playwright install chromium)")
    folder = tmp_path_factory.mktemp("lab")
    (folder / "sample_pcaps").symlink_to(ROOT / "sample_pcaps")
    (folder / "notebooks").mkdir()
    with jupyterlab(folder) as address:
        yield folder, address


@pytest.fixture
def page(lab: tuple[Path, str]) -> Iterator[Any]:
    """A page that notes what it would load from the network."""
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE * 1000)
    home = lab[1].partition("/lab/")[0]
    foreign: list[str] = []

    def watch(request: Any) -> None:
        if not request.url.startswith((home, home.replace("http", "ws"), "data:", "blob:")):
            foreign.append(request.url)

    with page_of(width=1500, height=1400) as page:
        page.on("request", watch)
        yield page
    assert not foreign


def assert_shows_something(shot: bytes) -> None:
    """A screenshot is a picture of its size, and not of one colour."""
    from PIL import Image

    image = Image.open(BytesIO(shot)).convert("RGB")
    assert image.size == (1500, 1400)
    colours = Counter(image.resize((375, 350), Image.Resampling.NEAREST).get_flattened_data())
    assert len(colours) > 30
    assert colours.most_common(1)[0][1] < 0.97 * colours.total()


def test_a_notebook_from_top_to_bottom(lab: tuple[Path, str], page: Any) -> None:
    from playwright.sync_api import expect

    folder, address = lab
    content = json.loads((ROOT / "notebooks" / FIRST).read_text())
    (folder / "notebooks" / FIRST).write_text(json.dumps(content))
    page.goto(address.format(f"notebooks/{FIRST}"), wait_until="domcontentloaded")
    run_all(page, sum(cell["cell_type"] == "code" for cell in content["cells"]))

    notebook = page.locator(".jp-Notebook")
    for text in ("10.20.0.77:53094", "not_captured"):
        expect(notebook.get_by_role("cell", name=text).first).to_be_visible()
    expect(notebook.get_by_text("> the list is in redis, key drop:7").first).to_be_visible()
    assert notebook.locator(".jp-OutputArea-output[data-mime-type*=error]").count() == 0
    # The copy for screen readers and for pages without styles is there, and does not show.
    plain = notebook.locator("pre.tfs-plain", has_text="10.20.0.77:53094").first
    expect(plain).to_be_hidden()
    notebook.locator("h1").first.scroll_into_view_if_needed()
    assert_shows_something(page.screenshot())


def test_pages_of_the_browser_have_no_controls_of_their_own(lab: tuple[Path, str], page: Any) -> None:
    from playwright.sync_api import expect

    folder, address = lab
    talks = [Conversation(f"10.0.0.{n}:{2000 + n}", "192.0.2.9:80").handshake() for n in range(1, 36)]
    Capture(*talks).write(folder / "many.pcap")
    write_notebook(
        folder / "pages.ipynb",
        "from tcpflow_scapy import reassemble\nreassemble('many.pcap').browse()",
    )
    page.goto(address.format("pages.ipynb"), wait_until="domcontentloaded")
    run_all(page, 1)
    rows = page.locator("table.dataTable tbody tr")
    names = (".dt-search", ".dt-length", ".dt-info", ".dt-paging", ".dt-buttons", "input[type=search]")
    controls = page.locator(", ".join(f".jp-OutputArea {name}" for name in names))
    filter_box = page.get_by_role("textbox", name="filter")

    def assert_shows(first: str, count: int) -> None:
        expect(rows).to_have_count(count)
        expect(rows.first).to_contain_text(first)
        assert controls.count() == 0

    assert_shows("10.0.0.1:2001", 15)
    page.get_by_role("button", name="next ▶").click()
    assert_shows("10.0.0.16:2016", 15)
    rows.first.click()
    page.get_by_role("button", name="mark", exact=True).click()
    expect(page.get_by_text("35 flows, 1 marked")).to_be_visible()
    assert_shows("10.0.0.16:2016", 15)
    for said, count in (("2034", 1), ("client_port < 2008", 7), ("client_port > 2010", 15)):
        filter_box.fill(said)
        filter_box.press("Enter")
        expect(rows).to_have_count(count)
        assert controls.count() == 0
    filter_box.fill("tcp port 80")
    filter_box.press("Enter")
    expect(page.get_by_text("The filter takes words").last).to_be_visible()
    assert_shows("10.0.0.11:2011", 15)


def test_what_stands_between_dollars_is_not_mathematics(lab: tuple[Path, str], page: Any) -> None:
    from playwright.sync_api import expect

    folder, address = lab
    talk = Conversation()
    talk.handshake()
    talk.client(b"GET /$\\phantom{x}^2$ HTTP/1.1\r\nHost: $h^2$\r\n\r\n")
    talk.server(b"HTTP/1.1 200 $\\color{white}{OK}$\r\nContent-Length: 5\r\n\r\n$a^2$")
    Capture(talk).write(folder / "math.pcap")
    write_notebook(
        folder / "math.ipynb",
        "# This is mathematics: $y^2$",
        "from tcpflow_scapy import reassemble\nflows = reassemble('math.pcap')\nflows.http",
        "flows.search('a', bodies=True)",
        "flows.http[['url', 'reason']].assign(n=1).groupby('url').sum().reset_index()",
        "flows[0].http",
        "flows[0].follow()",
        "flows[0]",
    )
    page.goto(address.format("math.ipynb"), wait_until="domcontentloaded")
    run_all(page, 6)
    expect(page.locator(".jp-MarkdownOutput mjx-container")).to_have_count(1)
    expect(page.get_by_text("$h^2$").last).to_be_attached()
    assert page.locator(".jp-OutputArea-output[data-mime-type='text/html'], .jp-RenderedHTML").count() >= 6
    assert page.locator(".jp-OutputArea mjx-container").count() == 0


def test_browser_and_interactive_pictures(lab: tuple[Path, str], page: Any) -> None:
    from playwright.sync_api import expect

    folder, address = lab
    write_notebook(
        folder / "browse.ipynb",
        "%load_ext tcpflow_scapy\n%flows sample_pcaps/http_ipv4.pcap",
        "b = flows.browse(rows=10)\nb",
        "flows[0].plot.time_sequence(interactive=True)",
        "print('marked:', b.marked.df.index.tolist())",
    )
    page.goto(address.format("browse.ipynb"), wait_until="domcontentloaded")
    run_all(page, 4)
    rows = page.locator("table.dataTable tbody tr")
    expect(rows).to_have_count(3)
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_attached()

    page.get_by_label("sort by").select_option("client_bytes")
    expect(rows.first).to_contain_text("10.20.0.1:51684")
    page.get_by_label("descending").check()
    expect(rows.first).to_contain_text("10.20.0.1:60660")

    rows.first.click()
    expect(page.get_by_text("> GET /style.css HTTP/1.1").first).to_be_visible()
    page.get_by_role("tab", name="HTTP").click()
    expect(page.get_by_text("http://www.example.test/logo.png").first).to_be_visible()
    page.get_by_role("tab", name="Graph").click()
    expect(page.get_by_role("img", name="Time-sequence graph of flow 0")).to_be_visible()

    page.get_by_role("button", name="mark", exact=True).click()
    expect(page.get_by_text("3 flows, 1 marked")).to_be_visible()
    page.get_by_role("textbox", name="filter").fill("60664")
    page.get_by_role("textbox", name="filter").press("Enter")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("10.20.0.1:60664")
    page.get_by_role("button", name="export").click()
    expect(page.get_by_text("files of 1 flow are in flows-out").last).to_be_visible()
    assert_shows_something(page.screenshot())
    names = sorted(path.name for path in (folder / "flows-out").iterdir())
    assert names == [
        "010.020.000.001.60660-010.020.000.002.00080",
        "010.020.000.002.00080-010.020.000.001.60660",
    ]

    # What was marked by hand is in the notebook's hands.
    page.get_by_text("print('marked:'").click()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("marked: [0]").first).to_be_visible()
