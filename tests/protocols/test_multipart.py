from __future__ import annotations

from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.protocols.multipart import PARTS, split_parts

FORM = (
    b"preamble\r\n--B\r\n"
    b'Content-Disposition: form-data; name="a"\r\n\r\none\r\n'
    b"--B\r\n"
    b'Content-Disposition: form-data; name="f"; filename="../x.png"\r\nContent-Type: image/png\r\n\r\n'
    b"\x89PNG\r\n--Bnot\r\n\r\n--B--\r\nepilogue\r\n--B\r\nno: part\r\n\r\nx"
)


def test_form_upload() -> None:
    one, two = split_parts(FORM, 'multipart/form-data; boundary="B"')
    assert (one.name, one.filename, one.content_type, one.data, one.complete) == (
        "a", "", "text/plain", b"one", True,
    )  # fmt: skip
    assert (two.name, two.filename, two.content_type) == ("f", "../x.png", "image/png")
    assert two.data == b"\x89PNG\r\n--Bnot\r\n"
    assert FORM[two.start : two.end] == two.data
    field = two.headers.raw[0]
    assert FORM[field.start : field.end].startswith(b"Content-Disposition")


def test_part_that_no_delimiter_ends() -> None:
    [part] = split_parts(FORM[:61], "multipart/form-data; boundary=B")
    assert (part.data, part.complete) == (b"on", False)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"--B\n\nx\n--B--", [b"x"]),
        (b"--B\r\n\r\n\r\n--B--", [b""]),
        (b"--B\r\nA: b\r\n--B--", [b""]),
        (b"--B--\r\n", []),
        (b"", []),
        (b"--B", []),
        (b"--B \t\r\n\r\nx\r\n--B", [b"x"]),
    ],
)
def test_odd_shapes(body: bytes, expected: list[bytes]) -> None:
    assert [part.data for part in split_parts(body, "multipart/mixed; boundary=B")] == expected


def test_what_is_not_multipart_has_no_parts() -> None:
    assert split_parts(FORM, "text/html; boundary=B") == []
    assert split_parts(FORM, "multipart/mixed") == []


def test_number_of_parts_is_limited() -> None:
    assert len(split_parts(b"--B\r\n\r\n" * (PARTS + 500), "multipart/mixed; boundary=B")) == PARTS


@given(
    st.lists(st.binary(max_size=60).filter(lambda data: b"--B" not in data and b"\r" not in data), max_size=4)
)
def test_parts_come_back_as_they_were_put_in(bodies: list[bytes]) -> None:
    wire = b"".join(b"--B0\r\nContent-Type: a/b\r\n\r\n" + data + b"\r\n" for data in bodies) + b"--B0--\r\n"
    assert [part.data for part in split_parts(wire, "multipart/mixed; boundary=B0")] == bodies


def test_standard_library_agrees() -> None:
    whole = b"Content-Type: multipart/form-data; boundary=B\r\n\r\n" + FORM
    oracle = message_from_bytes(whole)
    parts = oracle.get_payload()
    assert isinstance(parts, list)
    ours = split_parts(FORM, "multipart/form-data; boundary=B")
    for mine, theirs in zip(ours, parts, strict=True):
        assert isinstance(theirs, Message)
        assert mine.content_type == theirs.get_content_type()
        assert mine.filename == (theirs.get_filename() or "")


@given(st.binary(max_size=200))
def test_any_bytes_do_no_harm(body: bytes) -> None:
    for part in split_parts(b"--B\r\n" + body, "multipart/mixed; boundary=B"):
        assert part.data == (b"--B\r\n" + body)[part.start : part.end]
