from __future__ import annotations

import pytest

from tcpflow_scapy.protocols.media_extensions import EXTENSIONS
from tcpflow_scapy.protocols.media_type import essence, extension_for, parameters


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [
        ("text/html", "html"),
        ("TEXT/HTML; charset=utf-8", "html"),
        ("text/html ;charset=utf-8", "html"),
        ("text/plain", "txt"),
        ("image/jpeg", "jpg"),
        ("image/png", "png"),
        ("image/gif", "gif"),
        ("text/css", "css"),
        ("application/javascript", "js"),
        ("application/json", "json"),
        ("application/xml", "xml"),
        ("application/pdf", "pdf"),
        ("application/zip", "zip"),
        ("image/webp", "webp"),
        ("image/svg+xml", "svg"),
        ("video/mp4", "m4v"),
        ("video/x-m4v", "m4v"),
        ("image/x-icon", "ico"),
        # tcpflow has none for these
        ("application/octet-stream", ""),
        ("text/javascript", ""),
        ("text/xml", ""),
        ("application/x-nonexistent", ""),
        ("", ""),
        ("html", ""),
    ],
)
def test_extension_as_tcpflow_gives_it(content_type: str, extension: str) -> None:
    assert extension_for(content_type) == extension


def test_table_is_well_formed() -> None:
    for kind, rows in EXTENSIONS.items():
        for row in rows.split():
            subtype, _, extension = row.partition("=")
            assert subtype == subtype.lower()
            assert extension_for(f"{kind}/{subtype}") == (extension or subtype)
            # It becomes part of a file name.
            assert (extension or subtype).replace("-", "").replace("_", "").isalnum()


def test_essence() -> None:
    assert essence(" Text/HTML ; charset=x") == "text/html"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text/html; charset=utf-8", {"charset": "utf-8"}),
        ('multipart/form-data; Boundary="a; b\\"c"', {"boundary": 'a; b"c'}),
        ("attachment; filename=plain.txt; filename*=UTF-8''na%C3%AFve.txt", {"filename": "naïve.txt"}),
        ("attachment; filename*=nonsense''%41", {"filename": "A"}),
        ("attachment; filename=a; filename=b", {"filename": "a"}),
        ('attachment; filename="open', {"filename": ""}),
        ("x;;;=;a", {}),
    ],
)
def test_parameters(value: str, expected: dict[str, str]) -> None:
    assert parameters(value) == expected
