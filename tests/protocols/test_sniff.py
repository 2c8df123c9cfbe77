from __future__ import annotations

import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.protocols.sniff import LOOK, SIGNATURES, sniff


def zipped(*names: str, stored: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        if stored:
            archive.writestr("mimetype", stored)
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO())
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ""),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "audio/x-wav"),
        (b"xxxx\x10\0\0\0WAVEfmt ", ""),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "video/mp4"),
        (b"\0\0\0\x20ftypavif\0\0\0\0", "image/avif"),
        (b"\xff\xfb\x90\x64" + bytes(40), "audio/mpeg"),
        (b"MZ\x90\0" + bytes(100), "application/vnd.microsoft.portable-executable"),
        (b"MZ is how a text can begin", "text/plain"),
        (gzip.compress(b"x", mtime=0), "application/gzip"),
        (lzma.compress(b"x"), "application/x-xz"),
        (tarred(), "application/x-tar"),
        (zipped("a.txt"), "application/zip"),
        (zipped("META-INF/MANIFEST.MF"), "application/java-archive"),
        (zipped("AndroidManifest.xml"), "application/vnd.android.package-archive"),
        (
            zipped("[Content_Types].xml", "word/document.xml"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (zipped(stored="application/epub+zip"), "application/epub+zip"),
        (b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d", "application/java-vm"),
        (b"\xca\xfe\xba\xbe\0\0\0\2\1\0", "application/x-mach-binary"),
        (b"%PDF-1.7\n%\xe2\xe3", "application/pdf"),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x86\x81\x01webm", "video/webm"),
        (b"<!DOCTYPE html><p>", "text/html"),
        (b"\xef\xbb\xbf  <!-- a --> <!-- b --><HTML>", "text/html"),
        (b"<html>hello world, this is a body</html>", "text/html"),
        (b"<?xml version='1.0'?>\n<rss></rss>", "application/rss+xml"),
        (b"<?xml version='1.0'?>\n<a/>", "application/xml"),
        (b"<soap:Envelope xmlns='x'></soap:Envelope>", "application/xml"),
        (b"<svg xmlns='x'>", "image/svg+xml"),
        (b"< 5 apples", "text/plain"),
        (json.dumps({"a": [1]}).encode(), "application/json"),
        (b"[1, 2]", "application/json"),
        (b"[section]\nkey=value", "text/plain"),
        (b"#!/usr/bin/env python3\nprint()", "text/x-python"),
        (b"#!/bin/sh\n", "application/x-sh"),
        (b"body", "text/plain"),
        ("grüße".encode("latin-1"), "text/plain"),
        ("<html>".encode("utf-16"), "text/html"),
        (bytes(40), ""),
        (b"\x01\x02\x03", ""),
    ],
)
def test_what_it_is(data: bytes, expected: str) -> None:
    assert sniff(data) == expected


def test_every_signature_is_reachable() -> None:
    for offset, magic, media_type in SIGNATURES:
        data = (b"RIFF" + bytes(offset))[:offset] if offset == 8 else bytes(offset)
        assert sniff(data + magic + bytes(60)) == media_type


def test_there_are_many_signatures() -> None:
    assert len(SIGNATURES) >= 60
    assert len({row[:2] for row in SIGNATURES}) == len(SIGNATURES)


def test_a_character_cut_at_the_edge_is_still_text() -> None:
    assert sniff(b"a" + "ä".encode() * LOOK) == "text/plain"


@given(st.binary(max_size=600))
def test_any_bytes_give_an_answer(data: bytes) -> None:
    answer = sniff(data)
    assert answer == "" or answer.count("/") == 1


def test_hostile_comments_cost_nothing() -> None:
    assert sniff(b"<!-- -->" * 600) == "text/plain"
