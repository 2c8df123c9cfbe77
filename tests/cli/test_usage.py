"""The help text says what the table of options says."""

from __future__ import annotations

import re

from tcpflow_scapy.cli.options import GROUPS, REFUSED
from tcpflow_scapy.cli.usage import WIDTH, usage


def test_every_option_is_explained() -> None:
    text = usage()
    for options in GROUPS.values():
        for option in options:
            words = option.help.split()
            assert re.search(rf"(?m)^  .*{re.escape(option.text)}\b", text), option
            assert re.search(r"\s+".join(map(re.escape, words)), text), option


def test_refused_options_are_named() -> None:
    for option in REFUSED:
        assert option.text in usage()


def test_lines_fit_a_terminal() -> None:
    assert max(map(len, usage().splitlines())) <= WIDTH
