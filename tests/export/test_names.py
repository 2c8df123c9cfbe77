"""File names: tcpflow's language, checked against the program where it is installed."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.export.names import (
    COUNT_ESCAPES,
    FIELD_ESCAPES,
    NameFields,
    Template,
    TemplateChoice,
    address_text,
)
from tests.helpers.traffic import Capture, Conversation

START = 1_600_000_000 * 10**9

FIELDS = NameFields(
    source=bytes([10, 0, 0, 1]),
    destination=bytes([192, 168, 200, 3]),
    source_port=1024,
    destination_port=80,
    start_ns=START,
    vlan=42,
    number=1_234_567_890_123,
    session=7,
    source_mac=bytes.fromhex("020000000001"),
    destination_mac=bytes.fromhex("0200000000ff"),
)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("%A.%a-%B.%b%V%v%C%c", "010.000.000.001.01024-192.168.200.003.00080--42"),
        ("%A%c", "010.000.000.001"),
        ("%E_%e%c", "02:00:00:00:00:01_02:00:00:00:00:ff"),
        ("%T%c", "2020-09-13T12:26:40Z"),
        ("%t%c", "1600000000"),
        ("%N.%K.%M.%G%c", "123.890.567.234"),
        ("%S%c", "00000000000000000007"),
        ("%#x%c", "0x"),
        ("100%%%c-%A", "100%-010.000.000.001"),
        ("a/b/%a", "a/b/01024"),
    ],
)
def test_every_escape(template: str, name: str) -> None:
    assert Template(template).expand(FIELDS) == name


def test_vlan_parts_are_empty_without_a_tag() -> None:
    untagged = NameFields(FIELDS.source, FIELDS.destination, 1, 2)
    assert Template().expand(untagged) == "010.000.000.001.00001-192.168.200.003.00002"
    assert Template("x%V%v").expand(untagged) == "x"


@pytest.mark.parametrize(
    ("template", "count", "name"),
    [
        ("%A%C%c", 1, "010.000.000.001c1"),
        ("%A%C%c", 12, "010.000.000.001c12"),
        ("%A", 2, "010.000.000.001c2"),
        ("x%#", 0, "x0"),
        ("x%#", 2, "x2c2"),
        ("x%c", 0, "x"),
        ("x%c", 3, "x3"),
        ("%%c", 3, "%cc3"),
    ],
)
def test_collision_count(template: str, count: int, name: str) -> None:
    assert Template(template).expand(FIELDS, count) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2001:db8::1", "2001:db8::1"),
        ("::1", "::1"),
        ("::", "::"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("2001:0:0:1::", "2001:0:0:1::"),
        ("1.20.255.0", "001.020.255.000"),
    ],
)
def test_addresses(text: str, name: str) -> None:
    assert address_text(ipaddress.ip_address(text).packed) == name


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("t", "1600000000T010.000.000.001.01024-192.168.200.003.00080--42"),
        ("T", "2020-09-13T12:26:40Z010.000.000.001.01024-192.168.200.003.00080--42"),
        ("k", "890/010.000.000.001.01024-192.168.200.003.00080--42"),
        ("m", "567000-567999/567890/010.000.000.001.01024-192.168.200.003.00080--42"),
        ("Tk", "890/2020-09-13T12:26:40Z010.000.000.001.01024-192.168.200.003.00080--42"),
        ("kT", "2020-09-13T12:26:40Z890/010.000.000.001.01024-192.168.200.003.00080--42"),
        ("c", "010.000.000.001.01024-192.168.200.003.00080--42c0"),
    ],
)
def test_prefix_letters(flags: str, name: str) -> None:
    choice = TemplateChoice()
    choice.edit(flags)
    assert choice.template().expand(FIELDS) == name


def test_a_million_flows_to_a_folder() -> None:
    choice = TemplateChoice("x%c")
    choice.edit("g")
    assert choice.template().expand(FIELDS) == "234000000-234999999/234567000-234567999/234567890/x"


def test_a_template_replaces_earlier_letters_but_not_later_ones() -> None:
    choice = TemplateChoice()
    choice.edit("kc")
    choice.replace("x")
    assert choice.template().expand(FIELDS, 1) == "xc1"
    choice.edit("k")
    assert choice.template().expand(FIELDS, 1) == "890/xc1"


def test_always_counted_names_have_a_number_from_the_first() -> None:
    template = Template(always_count=True)
    assert [template.expand(FIELDS, n)[-4:] for n in (0, 1, 10)] == ["42c0", "42c1", "2c10"]


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("%q", "unknown escape %q"),
        ("%", "lone %"),
        ("%%%", "lone %"),
        ("", "empty name"),
        ("%C%c", "empty name"),
        ("%V%v", "empty name"),
        ("x/", "empty name"),
        ("x/%V", "empty name"),
        (".", "empty name"),
        ("/x", "absolute"),
        ("%V/x", "absolute"),
        ("..", "leads out"),
        ("../x", "leads out"),
        ("a/../b", "leads out"),
        (".%V./b", "leads out"),
        (".%C%c.", "leads out"),
        ("a\0b", "zero byte"),
    ],
)
def test_bad_templates_are_refused_at_once(template: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Template(template)


def test_a_letter_that_is_none() -> None:
    with pytest.raises(ValueError, match="'q'"):
        TemplateChoice().edit("tq")


pieces = st.one_of(
    st.sampled_from([f"%{letter}" for letter in [*FIELD_ESCAPES, *COUNT_ESCAPES, "%"]]),
    st.sampled_from(["/", ".", "..", "x", "-", " "]),
    st.characters(blacklist_categories=["Cs"], blacklist_characters="%"),
)


@given(st.lists(pieces, max_size=12).map("".join), st.integers(0, 3), st.booleans(), st.booleans())
def test_no_name_leaves_the_folder(text: str, count: int, tagged: bool, always: bool) -> None:
    fields = NameFields(bytes(16), bytes(4), 0, 0, vlan=7 if tagged else None)
    try:
        template = Template(text, always_count=always)
    except ValueError:
        return
    parts = template.expand(fields, count).split("/")
    assert ".." not in parts
    assert len(parts) == 1 or parts[0] != ""
    assert parts[-1] not in ("", ".")


@given(st.lists(pieces, max_size=6).map("".join))
def test_counts_never_give_the_same_name_twice(text: str) -> None:
    try:
        template = Template(text)
    except ValueError:
        return
    assert len({template.expand(FIELDS, count) for count in range(12)}) == 12


@pytest.mark.peer
@pytest.mark.parametrize(
    "template", ["%A.%a-%B.%b%V%v%C%c", "%T_%t%%%E-%e", "x%#", "%V%v.%N/%A", "a/%b%c", "%S%A"]
)
def test_names_equal_tcpflows(template: str, need_tool: Callable[[str], str], tmp_path: Path) -> None:
    tcpflow = need_tool("tcpflow")
    talk = Conversation(client="10.0.0.1:1024", server="192.168.200.3:80", isn=1000, server_isn=5000)
    talk.handshake()
    talk.client(b"GET /")
    talk.close()
    capture = Capture(talk)
    path = tmp_path / "talk.pcap"
    capture.write(path)
    command = [tcpflow, "-d", "0", "-X", "/dev/null", "-o", "out", "-T", template, "-r", str(path)]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=20)
    out = tmp_path / "out"
    written = [p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()]
    frame = path.read_bytes()[40:]
    seconds = int.from_bytes(path.read_bytes()[24:28], "little")
    fields = NameFields(
        FIELDS.source, FIELDS.destination, 1024, 80, seconds * 10**9,
        source_mac=frame[6:12], destination_mac=frame[:6],
    )  # fmt: skip
    assert written == [Template(template).expand(fields)]
