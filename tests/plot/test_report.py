"""The report: one page of paper, or one file for a browser that loads nothing and runs nothing."""

from __future__ import annotations

import re
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.errors import ExportError
from tcpflow_scapy.flows.table import FlowTable
from tcpflow_scapy.plot.report_pdf import A4
from tests.helpers.answers import flows_of
from tests.helpers.traffic import Capture, Conversation, RawFrame
from tests.plot.talks import damaged, nothing, several

NAME = "<script>alert(1)</script>$x^2${} \u202e漢.pcap"


def hostile(folder: Path) -> FlowTable:
    capture = Capture(damaged(), RawFrame(b"\xff" * 12 + b"\x08\x06" + b"\0" * 46))
    return reassemble(capture.write(folder / NAME.replace("/", "_")), progress=False)


class Page(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "srcset")]
        assert not [k for k, _ in attrs if k.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_html(tmp_path: Path) -> None:
    flows = hostile(tmp_path)
    flows.report(tmp_path / "r.html", sha256=True)
    text = (tmp_path / "r.html").read_text("utf-8")
    page = Page(text)
    assert not {"script", "iframe", "object", "link", "base", "form"} & set(page.tags)
    assert page.links
    assert all(link.startswith("data:image/svg+xml;base64,") for link in page.links)
    assert "default-src 'none'" in text
    assert NAME.replace("/", "_").split("\u202e")[0] in page.words
    assert r"\u202e" in page.words
    assert page.words.count("TCP report: ") == 2
    for words in (
        "What is missing, and why",
        "not_captured",
        "arp",
        "10.0.0.1",
        "80 http",
        str(flows.capture.sha256),
    ):
        assert words in page.words
    for link in page.links:
        picture = b64decode(link.partition(",")[2])
        root = ElementTree.fromstring(picture)
        assert root.tag.endswith("svg")
        assert not re.search(rb"<script|<foreignObject|href=\"http", picture)


def test_pdf_is_one_page_of_a4(tmp_path: Path) -> None:
    hostile(tmp_path).report(tmp_path / "r.pdf")
    blob = (tmp_path / "r.pdf").read_bytes()
    assert blob.startswith(b"%PDF-")
    assert blob.count(b"/Type /Page\n") + len(re.findall(rb"/Type /Page[ >/]", blob)) == 1
    box = re.search(rb"/MediaBox \[ *([\d. ]+)\]", blob)
    assert box is not None
    width, height = (float(x) for x in box[1].split()[2:])
    assert (width / 72, height / 72) == pytest.approx(A4, abs=0.02)
    assert b"/JavaScript" not in blob


def test_long_addresses_leave_room_for_pictures(tmp_path: Path) -> None:
    talks = []
    for n in range(15):
        c = Conversation(
            f"[2001:db8:aaaa:bbbb:cccc:dddd:eeee:{n + 16:x}]:50000",
            "[2001:db8:1111:2222:3333:4444:5555:6666]:443",
        )
        c.handshake()
        c.skip("client", 10)
        c.client(b"x")
        talks.append(c)
    flows_of(*talks).report(tmp_path / "r.pdf")
    assert (tmp_path / "r.pdf").stat().st_size > 10_000


def test_nothing_to_report_is_a_report_whatever_the_user_has_set(tmp_path: Path) -> None:
    import matplotlib

    with matplotlib.rc_context({"text.usetex": True, "figure.facecolor": "red", "font.size": 40}):
        nothing().report(tmp_path / "r.pdf")
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF-")


def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpflow_scapy.plot.report_pdf.report_pdf", lambda *_: b"%PDF-")
    flows = several(1)
    with pytest.raises(ValueError, match=r"\.pdf or \.html, not '\.docx'"):
        flows.report(tmp_path / "r.docx")
    with pytest.raises(ValueError, match="without a suffix"):
        flows.report(tmp_path / "report")
    (tmp_path / "r.pdf").write_text("mine")
    with pytest.raises(ExportError):
        flows.report(tmp_path / "r.pdf")
    assert (tmp_path / "r.pdf").read_text() == "mine"
    with pytest.raises(ExportError):
        flows.report(tmp_path / "no" / "folder.pdf")
