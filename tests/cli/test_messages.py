"""Lines on standard error."""

from __future__ import annotations

import pytest

from tcpflow_scapy.cli.messages import plural, say


def test_counts_in_words() -> None:
    assert [plural(n, "flow") for n in (0, 1, 2, 12345)] == ["0 flows", "1 flow", "2 flows", "12,345 flows"]


def test_a_message_is_one_harmless_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\nb\x1b[31m\u202e")
    assert capsys.readouterr().err == "tcpflow-scapy: a\\nb\\x1b[31m\\u202e\n"
