"""Where the corpus of real captures lies, if it is here."""

from __future__ import annotations

import os
from pathlib import Path

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "corpus"
_PLACE = Path(os.environ.get("TCPFLOW_SCAPY_CORPUS") or _BESIDE)

CORPUS: Path | None = _PLACE if (_PLACE / "captures").is_dir() and (_PLACE / "oracle").is_dir() else None


def captures() -> tuple[Path, Path]:
    """The folder of captures, the folder of oracles."""
    assert CORPUS is not None
    return CORPUS / "captures", CORPUS / "oracle"


def small(limit: int) -> list[Path]:
    """The captures of at most that many bytes."""
    if CORPUS is None:
        return []
    files = sorted((CORPUS / "captures").rglob("*"))
    return [p for p in files if p.is_file() and p.suffix != ".csv" and p.stat().st_size <= limit]
