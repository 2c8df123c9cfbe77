"""The words of a command line to `Settings`, from left to right, as getopt does it for tcpflow."""

from __future__ import annotations

import getopt
from collections.abc import Sequence

from tcpflow_scapy.cli.options import OPTIONS, Option
from tcpflow_scapy.cli.settings import Settings, UsageError


class HelpWanted(Exception):
    """-h was given."""


class VersionWanted(Exception):
    """-V was given."""


def parse(arguments: Sequence[str]) -> Settings:
    """Read a command line (without the program's name).

    Raises
    ------
    UsageError
        It cannot be followed.
    HelpWanted, VersionWanted
        At the option that asks for it.
    """
    by_name: dict[str, Option] = {}
    for option in OPTIONS:
        by_name[f"-{option.letter}"] = by_name[f"--{option.word}"] = option
    letters = "".join(o.letter + (":" if o.argument else "") for o in OPTIONS if o.letter)
    words = [o.word + ("=" if o.argument else "") for o in OPTIONS if o.word]
    try:
        found, rest = getopt.gnu_getopt(list(arguments), letters, words)
    except getopt.GetoptError as error:
        raise UsageError(str(error)) from None
    settings = Settings()
    for name, argument in found:
        _apply(by_name[name], argument, settings)
    if settings.words_are_captures:
        settings.captures += rest
    else:
        settings.expression = " ".join(rest)
    _check(settings)
    return settings


def _apply(option: Option, argument: str, settings: Settings) -> None:
    if option.word == "help":
        raise HelpWanted
    if option.word == "version":
        raise VersionWanted
    if option.apply is None:
        raise UsageError(f"{option.text} {option.help}")
    option.apply(settings, argument)


def _check(settings: Settings) -> None:
    """What only the whole of the options can tell."""
    if settings.list_interfaces or settings.verify_spool is not None:
        return
    if settings.interfaces and (settings.captures or settings.resume):
        raise UsageError("-i and -r exclude each other: capture, or read captures")
    if not settings.captures and not settings.interfaces:
        raise UsageError("no capture given: -r FILE names one, -i NAME an interface")
    _check_live(settings)
    if settings.captures.count("-") > 1:
        raise UsageError("standard input (-r -) can be read only once")
    if settings.console and settings.shell:
        raise UsageError("--shell and -c or -C exclude each other")
    if not settings.console:
        given = [
            (settings.hexadecimal, "-D"),
            (settings.raw, "-B"),
            (not settings.newline, "-0"),
            (settings.order != "packets", "--order"),
        ]
        idle = [name for is_given, name in given if is_given]
        if idle:
            settings.notes.append(f"{', '.join(idle)} says how to print and does nothing without -c or -C")
    if settings.index and not settings.writes_files:
        settings.notes.append("-I belongs to stream files, and none are written: no index is")
    if settings.request_bodies and "http" not in settings.scanners:
        settings.notes.append("--http-requests does nothing without -e http or -a")


def _check_live(settings: Settings) -> None:
    """What belongs to live capture alone."""
    if settings.interfaces:
        if settings.time_delta:
            raise UsageError("-S tdelta is for captures that are read: a clock that is wrong now can be set")
        return
    given = [
        (not settings.promiscuous, "-p"),
        (settings.user is not None, "-U"),
        (settings.spool is not None, "--spool"),
        (settings.rotate_size is not None, "--rotate-size"),
        (settings.rotate_seconds is not None, "--rotate-seconds"),
        (settings.count is not None, "--count"),
        (settings.duration is not None, "--duration"),
        (settings.buffer_size is not None, "--buffer-size"),
        (settings.snaplen is not None, "--snaplen"),
    ]
    idle = [name for is_given, name in given if is_given]
    if idle:
        settings.notes.append(f"{', '.join(idle)} says how to capture and does nothing without -i")
