"""The help text, made from the table of options."""

from __future__ import annotations

from textwrap import fill, wrap

from tcpflow_scapy.cli.options import GROUPS, REFUSED, Option

INTRODUCTION = """\
usage: tcpflow-scapy -r FILE [-r FILE ...] [options] [expression]
       tcpflow-scapy -l [options] FILE ...
       tcpflow-scapy -i NAME [options] [expression]

Reassembles the TCP conversations of captures, or of interfaces, and writes one file for each direction, as
tcpflow does, or prints, tabulates or opens them. The expression is a filter with tcpdump's meaning (man
pcap-filter).
"""

TEMPLATES = """\
Names (-T): %A %a source address, port; %B %b destination; %E %e their MAC addresses; %T %t time, ISO or Unix;
%V%v --VLAN; %C%c c1, c2 ... where a name is taken; %# that number always; %N %K %M %G flow number mod 1000,
in units, thousands, millions, 10**9; %S connection number; %% a percent sign; / makes folders.
"""

EPILOGUE = """\
Exit codes: 0 done; 1 the input or an output failed, or a capture is damaged (what could be read was used);
2 the command line is wrong; 130 interrupted.
"""

WIDTH = 110
COLUMN = 26


def usage() -> str:
    """The whole help."""
    parts = [INTRODUCTION]
    for title, options in GROUPS.items():
        parts.append(f"{title}:\n" + "".join(_entry(option) for option in options))
    parts.append(TEMPLATES)
    refused = " ".join(option.text for option in REFUSED)
    parts.append(fill(f"Options of tcpflow that are refused, each with the reason: {refused}", WIDTH) + "\n")
    parts.append(EPILOGUE)
    return "\n".join(parts)


def _entry(option: Option) -> str:
    forms = [f"-{option.letter}"] if option.letter else []
    if option.word:
        forms.append(f"--{option.word}")
    left = "  " + ", ".join(forms) + (f" {option.argument}" if option.argument else "")
    lines = wrap(option.help, WIDTH - COLUMN)
    if len(left) >= COLUMN - 1:
        first = left + "\n"
    else:
        first = f"{left:<{COLUMN}}{lines.pop(0)}\n"
    return first + "".join(" " * COLUMN + line + "\n" for line in lines)
