"""What the web servers of the samples serve: pages, a picture, tables, logs. Made here, all of it."""

from __future__ import annotations

import json
import random
import struct
import zlib
from pathlib import Path

WORDS = [
    "amber",
    "basin",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "harbor",
    "island",
    "juniper",
    "kelp",
    "lagoon",
    "meadow",
    "north",
    "orchard",
    "pine",
    "quartz",
    "river",
    "summit",
    "tundra",
    "upland",
    "valley",
    "willow",
    "yarrow",
    "zephyr",
]

GLYPHS = {
    "A": "0E11111F111111", "C": "0E11101010110E", "E": "1F10101E10101F", "F": "1F10101E101010",
    "L": "1010101010101F", "M": "111B1515111111", "O": "0E11111111110E", "P": "1E11111E101010",
    "R": "1E11111E141211", "T": "1F040404040404", "W": "1111111515150A", "!": "04040404040004",
}  # fmt: skip
"""Letters as seven rows of five bits, in hex."""


def picture(text: str, scale: int = 8, seed: int = 1) -> bytes:
    """A PNG with `text` in block letters on coloured noise (so that it does not compress to nothing)."""
    noise = random.Random(seed)
    width, height = (6 * len(text) + 1) * scale, 9 * scale
    rows = []
    for y in range(height):
        row = bytearray(b"\0")
        for x in range(width):
            lit = _lit(text, x // scale, y // scale)
            row += bytes((30, 60, 140) if lit else (232 + noise.randrange(4), 226, 208 + y * 40 // height))
        rows.append(bytes(row))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"".join(rows), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _lit(text: str, column: int, row: int) -> bool:
    index, x = divmod(column - 1, 6)
    if not (0 <= index < len(text) and x < 5 and 1 <= row <= 7):
        return False
    glyph = GLYPHS[text[index]]
    return bool(int(glyph[2 * (row - 1) : 2 * row], 16) >> (4 - x) & 1)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def page(title: str, paragraphs: int = 6, seed: int = 1) -> bytes:
    """An HTML page that asks for ``style.css`` and ``logo.png``."""
    choose = random.Random(seed)
    body = "\n".join(
        "<p>" + " ".join(choose.choices(WORDS, k=60)).capitalize() + ".</p>" for _ in range(paragraphs)
    )
    return (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title>\n"
        '<link rel="stylesheet" href="style.css"></head>\n'
        f'<body><h1>{title}</h1><img src="logo.png" alt="logo">\n{body}\n</body></html>\n'
    ).encode()


def log(lines: int, seed: int = 1) -> bytes:
    """A log of numbered lines: a byte that is missing or out of place is seen at once."""
    choose = random.Random(seed)
    return b"".join(
        b"%06d station=%s level=%d.%02d status=%s\n"
        % (
            i,
            choose.choice(WORDS).encode(),
            choose.randrange(12),
            choose.randrange(100),
            choose.choice([b"ok", b"late"]),
        )
        for i in range(lines)
    )


def table(rows: int, seed: int = 1) -> bytes:
    """A JSON list of measurements."""
    choose = random.Random(seed)
    return json.dumps(
        [{"id": i, "name": choose.choice(WORDS), "value": round(choose.random(), 4)} for i in range(rows)],
        indent=1,
    ).encode()


def site(folder: Path, log_lines: int = 300) -> Path:
    """A small web site in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_bytes(page("River stations"))
    (folder / "style.css").write_text("body { font: 16px serif; margin: 2em }\nh1 { color: #1e3c8c }\n" * 8)
    (folder / "logo.png").write_bytes(picture("FLOW", 4))
    (folder / "table.json").write_bytes(table(60))
    (folder / "log.txt").write_bytes(log(log_lines))
    return folder
