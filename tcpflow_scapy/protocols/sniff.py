"""What a body is by its bytes, whatever its label says.

A table of signatures, most telling first, then a look at whether it is text. The answer is a media type, or
an empty string where nothing is known. It is a guess from at most `LOOK` bytes, cheap enough for every body.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LOOK = 4096
"""Bytes from the beginning that decide."""


class Signature(NamedTuple):
    """Bytes at a place, and what they mean."""

    offset: int
    magic: bytes
    media_type: str


SIGNATURES: tuple[Signature, ...] = tuple(
    Signature(offset, magic, media_type)
    for offset, magic, media_type in (
        # pictures
        (0, b"\x89PNG\r\n\x1a\n", "image/png"),
        (0, b"\xff\xd8\xff", "image/jpeg"),
        (0, b"GIF87a", "image/gif"),
        (0, b"GIF89a", "image/gif"),
        (8, b"WEBP", "image/webp"),
        (0, b"II*\0", "image/tiff"),
        (0, b"MM\0*", "image/tiff"),
        (0, b"8BPS", "image/vnd.adobe.photoshop"),
        (0, b"\xff\x0a", "image/jxl"),
        (0, b"\0\0\0\x0cJXL \r\n", "image/jxl"),
        (0, b"\0\0\0\x0cjP  \r\n", "image/jp2"),
        # sound and film
        (0, b"ID3", "audio/mpeg"),
        (0, b"OggS", "application/ogg"),
        (0, b"fLaC", "audio/flac"),
        (0, b"MThd", "audio/midi"),
        (0, b"#!AMR", "audio/amr"),
        (8, b"WAVE", "audio/x-wav"),
        (8, b"AVI ", "video/x-msvideo"),
        (8, b"AIFF", "audio/x-aiff"),
        (0, b"FLV\x01", "video/x-flv"),
        (0, b"\0\0\x01\xba", "video/mpeg"),
        (0, b"\0\0\x01\xb3", "video/mpeg"),
        (0, b"0&\xb2u\x8ef\xcf\x11", "video/x-ms-asf"),
        (0, b"FWS", "application/x-shockwave-flash"),
        (0, b"CWS", "application/x-shockwave-flash"),
        (0, b"ZWS", "application/x-shockwave-flash"),
        # programs
        (0, b"\x7fELF", "application/x-executable"),
        (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
        (0, b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
        (0, b"dex\n03", "application/vnd.android.dex"),
        (0, b"\0asm", "application/wasm"),
        (0, b"L\0\0\0\x01\x14\x02\0", "application/x-ms-shortcut"),
        (0, b"\xac\xed\0\x05", "application/x-java-serialized-object"),
        # archives and compressed files
        (0, b"\x1f\x8b\x08", "application/gzip"),
        (0, b"BZh", "application/x-bzip2"),
        (0, b"\xfd7zXZ\0", "application/x-xz"),
        (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
        (0, b"\x04\x22\x4d\x18", "application/x-lz4"),
        (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
        (0, b"Rar!\x1a\x07", "application/vnd.rar"),
        (0, b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
        (257, b"ustar", "application/x-tar"),
        (0, b"!<arch>\ndebian", "application/vnd.debian.binary-package"),
        (0, b"!<arch>\n", "application/x-archive"),
        (0, b"\xed\xab\xee\xdb", "application/x-rpm"),
        (0, b"Cr24", "application/x-chrome-extension"),
        (2, b"-lh5-", "application/x-lzh-compressed"),
        (0, b"ITSF", "application/vnd.ms-htmlhelp"),
        # documents and data
        (0, b"%PDF-", "application/pdf"),
        (0, b"%!PS", "application/postscript"),
        (0, b"{\\rtf", "application/rtf"),
        (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
        (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
        (0, b"bplist00", "application/x-bplist"),
        (0, b"PAR1", "application/vnd.apache.parquet"),
        (0, b"\x89HDF\r\n\x1a\n", "application/x-hdf5"),
        (0, b"regf", "application/x-windows-registry"),
        (0, b"ElfFile\0", "application/x-windows-evtx"),
        (0, b"MDMP\x93\xa7", "application/x-minidump"),
        (0, b"\xd4\xc3\xb2\xa1", "application/vnd.tcpdump.pcap"),
        (0, b"\xa1\xb2\xc3\xd4", "application/vnd.tcpdump.pcap"),
        (0, b"\x0a\x0d\x0d\x0a", "application/x-pcapng"),
        (0, b"\x78\x9f\x3e\x22", "application/ms-tnef"),
        (0, b"-----BEGIN PGP", "application/pgp-encrypted"),
        (0, b"-----BEGIN CERT", "application/x-pem-file"),
        (0, b"-----BEGIN ", "application/x-pem-file"),
        (0, b"d8:announce", "application/x-bittorrent"),
        (0, b"SIMPLE  =", "application/fits"),
        # fonts
        (0, b"wOFF", "font/woff"),
        (0, b"wOF2", "font/woff2"),
        (0, b"OTTO", "font/otf"),
        (0, b"\0\x01\0\0\0", "font/ttf"),
        (0, b"ttcf", "font/collection"),
        (0, b"\0\0\x01\0", "image/vnd.microsoft.icon"),
    )
)
"""In this order: the first that fits wins."""

_FTYP = {
    b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic",
    b"mif1": "image/heif", b"qt  ": "video/quicktime", b"M4A ": "audio/mp4", b"M4B ": "audio/mp4",
    b"M4V ": "video/x-m4v", b"crx ": "image/x-canon-cr3",
}  # fmt: skip
"""Brands of ISO base media files (ISO/IEC 14496-12); every other brand is taken for video/mp4."""

_OPEN_XML = {
    b"word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_XML = {
    b"<svg": "image/svg+xml",
    b"<html": "application/xhtml+xml",
    b"<!doctype html": "application/xhtml+xml",
    b"<rss": "application/rss+xml",
    b"<feed": "application/atom+xml",
}
_HTML = re.compile(
    rb"<(?:!doctype html|(?:html|head|body|title|script|table|meta|div|p|h1|iframe|a)(?=[\s>]))", re.I
)
_TAG = re.compile(rb"<[a-z_][\w.:-]*(?=[\s>/])", re.I)
_JSON = re.compile(rb'\s*(?:\{\s*(?:"|\}\s*$)|\[\s*(?:["{\[\d\]]|-\d|true|false|null))')
_SCRIPT = re.compile(rb"#![ \t]*(/\S+)(?:[ \t]+(\w\S*))?")
_SCRIPTS = {
    b"python": "text/x-python",
    b"perl": "text/x-perl",
    b"ruby": "text/x-ruby",
    b"node": "text/javascript",
}
_ASCII = bytes(range(128))
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


def sniff(data: bytes) -> str:
    """The media type that the first bytes of a body speak for; empty where they say nothing."""
    data = data[:LOOK]
    if not data:
        return ""
    for offset, magic, media_type in SIGNATURES:
        if data.startswith(magic, offset) and (offset != 8 or data[:4] in (b"RIFF", b"FORM")):
            return media_type
    return _structured(data) or _text(data)


def _structured(data: bytes) -> str:
    """Formats that take more than one look."""
    if data[:4] == b"PK\x03\x04":
        return _zip(data)
    if data[:4] == b"\xca\xfe\xba\xbe" and len(data) > 8:
        # Java's major version begins at 45; a fat Mach-O file has as many parts as there are processors.
        return "application/java-vm" if data[6:8] >= b"\0\x2d" else "application/x-mach-binary"
    if data[4:8] == b"ftyp":
        return _FTYP.get(data[8:12], "video/mp4")
    if data[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm" if b"webm" in data[:64] else "video/x-matroska"
    if data[:2] == b"MZ" and len(data) >= 64:
        return "application/vnd.microsoft.portable-executable"
    if data[:2] == b"BM" and data[6:10] == bytes(4) and len(data) > 18:
        return "image/bmp"
    if len(data) > 3 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2 and data[2] >> 4 not in (0, 15):
        return "audio/mpeg"
    if data[:1] == b"G" and data[188:189] == b"G" and data[376:377] in (b"G", b""):
        return "video/mp2t"
    if data[:1] == b"\x30" and data[1:2] in (b"\x82", b"\x83"):
        return "application/pkix-cert" if data[4:5] == b"\x30" else ""
    return ""


def _zip(data: bytes) -> str:
    """What a ZIP archive holds, from the names of its first entries."""
    if data[30:38] == b"mimetype" and data[38:].partition(b"PK")[0].isascii():
        declared = data[38:].partition(b"PK")[0].strip()
        if re.fullmatch(rb"application/[\w.+-]{1,100}", declared):
            return declared.decode()
    if b"[Content_Types].xml" in data or b"_rels/.rels" in data:
        for folder, media_type in _OPEN_XML.items():
            if folder in data:
                return media_type
        return "application/zip"
    if b"AndroidManifest.xml" in data or b"classes.dex" in data:
        return "application/vnd.android.package-archive"
    return "application/java-archive" if b"META-INF/" in data else "application/zip"


def _text(data: bytes) -> str:
    """A kind of text, or nothing if it is none."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            decoded = data[2 : len(data) & ~1].decode(encoding, "replace")
            data = decoded.encode("utf-8", "replace")
            break
    data = data.removeprefix(b"\xef\xbb\xbf")
    if _CONTROL.search(data):
        return ""
    markup = _markup(data)
    if markup:
        return markup
    if _JSON.match(data):
        return "application/json"
    script = _SCRIPT.match(data)
    if script:
        name = script[1].rpartition(b"/")[2]
        name = script[2] or b"" if name == b"env" else name
        return _SCRIPTS.get(name.rstrip(b".0123456789"), "application/x-sh")
    # Bytes above 0x7f are text in nearly every legacy encoding; too many of them are none.
    if _is_utf8(data) or len(data.translate(None, _ASCII)) * 2 < len(data):
        return "text/plain"
    return ""


def _markup(data: bytes) -> str:
    """A kind of markup, judged by its first tag."""
    body = data.lstrip()
    # By hand: a regular expression would try every way to pair the ends of many comments.
    while body.startswith(b"<!--"):
        body = body.partition(b"-->")[2].lstrip()
    if _HTML.match(body):
        return "text/html"
    lowered = body.lower()
    if lowered.startswith(b"<svg"):
        return "image/svg+xml"
    if lowered.startswith(b"<?xml"):
        for mark, media_type in _XML.items():
            if mark in lowered:
                return media_type
        return "application/xml"
    if _TAG.match(body) and (b"</" in body or b"/>" in body):
        return "application/xml"
    return ""


def _is_utf8(data: bytes) -> bool:
    """Whether it is UTF-8, a character cut at the end allowed."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(data) - 3 and len(data) == LOOK
    return True
