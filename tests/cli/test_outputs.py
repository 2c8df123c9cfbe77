"""Every output of the command line on real captures."""

from __future__ import annotations

import base64
import hashlib
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.cli import main
from tcpflow_scapy.errors import ExportError
from tests.cases.answers import case


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_everything_at_once(sample_pcaps: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert main(["-q", "-a", "-I", "-r", str(sample_pcaps / "http_ipv4.pcap"), "-o", str(tmp_path)]) == 0
    found = names(tmp_path)
    streams = {name for name in found if name[0].isdigit() and "HTTPBODY" not in name and "findx" not in name}
    assert len(streams) == 6
    assert {f"{name}.findx" for name in streams} < found
    assert {"report.xml", "report.pdf"} < found
    bodies = {name for name in found if "-HTTPBODY-" in name}
    assert {name.rsplit(".")[-1] for name in bodies} == {"html", "css", "png", "json", "txt"}
    report = ET.parse(tmp_path / "report.xml").getroot()
    objects = report.findall("configuration/fileobject")
    assert len(objects) == 6
    for each in objects:
        path = Path(each.findtext("filename") or "")
        digests = {d.get("type"): d.text for d in each.findall("hashdigest")}
        assert digests["SHA256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert digests["MD5"] == hashlib.md5(path.read_bytes()).hexdigest()
        assert each.findtext("filesize") == str(path.stat().st_size)
    listed = {Path(e.text or "").name for e in report.iterfind(".//byte_run/fileobject/filename")}
    assert listed == bodies


def test_the_index_tells_when_each_byte_came(sample_pcaps: Path, tmp_path: Path) -> None:
    source = sample_pcaps / "loss_reordering.pcap"
    assert main(["-q", "-I", "-r", str(source), "-o", str(tmp_path)]) == 0
    flow = max(reassemble(source), key=lambda flow: flow.server.size)
    lines = (tmp_path / f"{flow.server.name}.findx").read_text().splitlines()
    rows = [line.split("|") for line in lines]
    offsets = [int(row[0]) for row in rows]
    assert offsets == sorted(offsets)
    assert sum(int(row[2]) for row in rows) == flow.server.captured
    for at, time, _ in rows[:20]:
        origin = flow.server.at(int(at))
        assert origin is not None
        assert f"{origin.time.value // 10**9}.{origin.time.value // 1000 % 10**6:06d}" == time


def test_json_lines_have_addresses_times_and_offsets(
    sample_pcaps: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    source = sample_pcaps / "http_ipv6.pcap"
    assert main(["-J", "-r", str(source), "--order", "stream"]) == 0
    streams: dict[tuple[int, str], bytes] = {}
    for line in capsysbinary.readouterr().out.splitlines():
        record = json.loads(line)
        key = record["flow"], record["direction"]
        held = streams.get(key, b"")
        assert record["offset"] == len(held)
        assert ":" in record["src_host"]
        assert record["time"].endswith("Z")
        streams[key] = held + base64.b64decode(record["payload"])
    for flow in reassemble(source):
        assert streams[flow.id, "client"] == flow.client.data
        assert streams[flow.id, "server"] == flow.server.data


def test_json_lines_of_packets(sample_pcaps: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    source = sample_pcaps / "chat.pcap.gz"
    assert main(["-J", "-r", str(source)]) == 0
    records = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    packets = reassemble(source).packets.query("length > 0")
    assert [r["frame"] for r in records] == packets["frame"].tolist()
    assert [r["offset"] for r in records] == packets["offset"].tolist()
    assert [int(r["time_ns"]) for r in records] == [t.value for t in packets["time"]]


def test_one_capture_for_each_stream(sample_pcaps: Path, tmp_path: Path) -> None:
    source = sample_pcaps / "any_sll2.pcapng"
    assert main(["-q", "-K", "-r", str(source), "-o", str(tmp_path)]) == 0
    files = [path for path in tmp_path.iterdir() if path.name != "report.xml"]
    assert len(files) == 2
    frames = 0
    for path in files:
        flows = reassemble(path)
        assert flows.capture.linktypes == [276]
        assert len(flows) == 1
        frames += flows.capture.frames
    whole = reassemble(source)
    assert frames == whole.capture.used


def test_a_stream_in_fragments_is_whole_in_its_own_capture(sample_pcaps: Path, tmp_path: Path) -> None:
    source = sample_pcaps / "ip_fragments.pcap"
    assert main(["-q", "-K", "-r", str(source), "-o", str(tmp_path)]) == 0
    streams = {s.name: s.data for flow in reassemble(source) for s in flow.streams}
    files = {path.name.removesuffix(".pcap"): path for path in tmp_path.glob("*.pcap")}
    assert files.keys() == streams.keys()
    for name, path in files.items():
        split = reassemble(path)
        assert not split.capture.unused.get("fragment")
        assert {s.name: s.data for s in split[0].streams if s.captured} == {name: streams[name]}


def test_frames_of_no_flow(sample_pcaps: Path, tmp_path: Path) -> None:
    target = tmp_path / "rest.pcap"
    source = sample_pcaps / "mem.pcap"
    assert main(["-q", "-r", str(source), "-o", str(tmp_path / "out"), "-w", str(target)]) == 0
    rest = reassemble(target)
    assert rest.capture.unused == {"arp": 8} == reassemble(source).capture.unused
    assert rest.capture.frames == 8


def test_later_captures_only_finish_connections(sample_pcaps: Path, tmp_path: Path) -> None:
    whole = sample_pcaps / "redis.pcap"
    other = sample_pcaps / "vlan42_chat.pcap"
    frames = list(reassemble(whole).scapy())
    from scapy.utils import wrpcap

    wrpcap(str(tmp_path / "one.pcap"), frames[:8])
    wrpcap(str(tmp_path / "two.pcap"), frames[8:])
    options = ["-r", str(tmp_path / "one.pcap"), "-R", str(tmp_path / "two.pcap"), "-R", str(other)]
    assert main(["-q", *options, "-o", str(tmp_path / "out")]) == 0
    flow = reassemble(whole)[0]
    assert names(tmp_path / "out") == {flow.client.name, flow.server.name, "report.xml"}
    assert (tmp_path / "out" / flow.server.name).read_bytes() == flow.server.data


def test_a_program_runs_on_each_file_without_a_shell(sample_pcaps: Path, tmp_path: Path) -> None:
    script = tmp_path / "note.py"
    script.write_text("import sys\nopen(sys.argv[1], 'a').write(sys.argv[2] + '\\n')\n")
    log = tmp_path / "log"
    outdir = tmp_path / "out $(touch pwned); x"
    source = sample_pcaps / "chat.pcap.gz"
    settings = f"tcp_cmd=python3 {script} {log}"
    assert main(["-q", "-r", str(source), "-o", str(outdir), "-S", settings]) == 0
    told = sorted(log.read_text().splitlines())
    assert told == sorted(str(p) for p in outdir.iterdir() if p.name != "report.xml")
    assert not (tmp_path / "pwned").exists()


def test_times_can_be_shifted(sample_pcaps: Path, tmp_path: Path) -> None:
    source = sample_pcaps / "redis.pcap"
    assert main(["-q", "-r", str(source), "-o", str(tmp_path), "-S", "tdelta=-3600"]) == 0
    stream = reassemble(source)[0].client
    assert stream.start_ns is not None
    shifted = (tmp_path / stream.name).stat().st_mtime_ns
    assert abs(shifted - (stream.start_ns - 3600 * 10**9)) < 1000
    assert ET.parse(tmp_path / "report.xml").getroot().findtext("tdelta") == "-3600"


def test_scanners_can_be_chosen(sample_pcaps: Path, tmp_path: Path) -> None:
    source = str(sample_pcaps / "http_ipv4.pcap")
    assert main(["-q", "-r", source, "-o", str(tmp_path / "only"), "-E", "http"]) == 0
    assert all("HTTPBODY" in name or name == "report.xml" for name in names(tmp_path / "only"))
    no_report = ["-S", "enable_report=NO"]
    assert main(["-q", "-r", source, "-o", str(tmp_path / "x"), "-e", "http", "-x", "http", *no_report]) == 0
    assert len(names(tmp_path / "x")) == 6


def test_coded_bodies_can_stay_coded(sample_pcaps: Path, tmp_path: Path) -> None:
    source = str(sample_pcaps / "http_ipv4.pcap")
    assert main(["-q", "-r", source, "-o", str(tmp_path / "z"), "-e", "http", "-Z"]) == 0
    heads = [p.read_bytes()[:2] for p in (tmp_path / "z").glob("*HTTPBODY*")]
    assert b"\x1f\x8b" in heads


def test_bodies_of_requests_on_demand(tmp_path: Path) -> None:
    source = str(case("http", "C2_post_without_length"))
    for options, bodies in (([], [b"ok"]), (["--http-requests"], [b"ok", b"user=ann&pass=secret"])):
        folder = tmp_path / f"out{len(options)}"
        assert main(["-q", "-r", source, "-o", str(folder), "-E", "http", *options]) == 0
        assert sorted(p.read_bytes() for p in folder.glob("*HTTPBODY*")) == bodies


def test_the_report_is_well_formed_whatever_the_names(sample_pcaps: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a&b <c> \x1b'\""
    report = tmp_path / "r.xml"
    options = ["-r", str(sample_pcaps / "mem.pcap"), "-o", str(folder), "-X", str(report)]
    assert main(["-q", *options]) == 0
    root = ET.parse(report).getroot()
    flows = reassemble(sample_pcaps / "mem.pcap")
    gaps = [(int(g.get("file_offset", "")), int(g.get("len", "")), g.get("cause")) for g in root.iter("gap")]
    assert sorted(gaps) == sorted(flows.gaps[["start", "length", "cause"]].itertuples(index=False, name=None))
    image = (sample_pcaps / "mem.pcap").read_bytes()
    for each in root.findall("configuration/fileobject"):
        tcp = each.find("tcpflow")
        assert tcp is not None
        stream = getattr(flows.loc[int(tcp.get("flow", ""))], tcp.get("direction", ""))
        for run in each.findall("byte_runs/byte_run"):
            at, n, place = (int(run.get(k, "")) for k in ("file_offset", "len", "img_offset"))
            assert image[place : place + n] == stream.read(at, n)


@pytest.mark.parametrize("end", [KeyboardInterrupt, ExportError("no space")])
def test_the_report_tells_what_was_written_however_the_run_ends(
    end: BaseException | type[BaseException],
    sample_pcaps: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tcpflow_scapy.export import findx

    written = []

    def write(evidence: object, stream: int, path: str, **options: object) -> None:
        written.append(path)
        if len(written) == 4:
            raise end

    monkeypatch.setattr(findx, "write_findx", write)
    code = main(["-q", "-I", "-r", str(sample_pcaps / "http_ipv4.pcap"), "-o", str(tmp_path)])
    assert code == (1 if isinstance(end, ExportError) else 130)
    report = ET.parse(tmp_path / "report.xml").getroot()
    listed = {Path(each.text or "").name for each in report.iterfind("configuration/fileobject/filename")}
    assert listed == names(tmp_path) - {"report.xml"}
    assert len(listed) == 4
