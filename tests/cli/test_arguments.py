"""Command lines to settings."""

from __future__ import annotations

import pytest

from tcpflow_scapy.cli.arguments import HelpWanted, VersionWanted, parse
from tcpflow_scapy.cli.options import OPTIONS, REFUSED
from tcpflow_scapy.cli.settings import Settings, UsageError

TCPFLOW_LETTERS = set("aABbcCdDEefFgHhIilLmopqRrsSTUVvwxXzZK0J")
"""Every option of tcpflow 1.6.1, from its own option string."""


def test_options_and_words_mix_as_in_getopt() -> None:
    settings = parse(["-r", "a.pcap", "tcp", "port", "80", "-cB", "-b12", "and", "host", "10.0.0.1"])
    assert settings.captures == ["a.pcap"]
    assert settings.expression == "tcp port 80 and host 10.0.0.1"
    assert settings.console
    assert settings.raw
    assert settings.max_bytes == 12


def test_several_captures_keep_their_order() -> None:
    assert parse(["-r", "b", "-r", "a", "-l", "d", "c"]).captures == ["b", "a", "d", "c"]


def test_with_l_there_is_no_expression() -> None:
    settings = parse(["-l", "a", "b"])
    assert (settings.captures, settings.expression) == (["a", "b"], "")


def test_words_after_two_dashes_are_an_expression() -> None:
    assert parse(["-r", "a", "--", "-x"]).expression == "-x"


def test_letters_and_template_in_order() -> None:
    assert parse(["-r", "a", "-Fk", "-T", "x"]).name_letters == []
    assert parse(["-r", "a", "-T", "x", "-Fk", "-FT"]).name_letters == ["k", "T"]
    assert parse(["-r", "a", "-FXt"]).no_files


@pytest.mark.parametrize("arguments", [["-C"], ["-c", "-C"], ["-C", "-c"]])
def test_without_names_wins(arguments: list[str]) -> None:
    settings = parse(["-r", "a", *arguments])
    assert settings.console
    assert not settings.header


@pytest.mark.parametrize(
    ("arguments", "writes"),
    [
        ([], True),
        (["-o", "x"], True),
        (["--table"], False),
        (["--csv", "x"], False),
        (["--shell"], False),
        (["--table", "-o", "x"], True),
        (["-c"], False),
        (["-c", "-o", "x"], False),
        (["-FX"], False),
    ],
)
def test_when_files_are_written(arguments: list[str], writes: bool) -> None:
    assert parse(["-r", "a", *arguments]).writes_files is writes


@pytest.mark.parametrize(("option", "limit"), [("-b-1", None), ("-b0", 0), ("-b7", 7)])
def test_a_negative_limit_is_none(option: str, limit: int | None) -> None:
    assert parse(["-r", "a", option]).max_bytes == limit


@pytest.mark.parametrize(
    ("arguments", "quiet", "verbose"),
    [
        (["-q"], True, 0),
        (["-v"], False, 1),
        (["-vv"], False, 2),
        (["-d0"], True, 0),
        (["-d1"], False, 0),
        (["-d10"], False, 1),
        (["-d100"], False, 2),
    ],
)
def test_messages(arguments: list[str], quiet: bool, verbose: int) -> None:
    settings = parse(["-r", "a", *arguments])
    assert (settings.quiet, settings.verbose) == (quiet, verbose)


def test_settings_by_name() -> None:
    assert parse(["-r", "a", "-S", "tcp_timeout=5"]).timeout == 5
    assert parse(["-r", "a", "-S", "tcp_timeout=0"]).timeout is None
    assert parse(["-r", "a", "-S", "enable_report=NO", "--timeout", "2.5"]).timeout == 2.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no capture"),
        (["-y"], "-y not recognized"),
        (["--nonsense"], "--nonsense"),
        (["-r"], "requires argument"),
        (["-r", "a", "-b", "abc"], "'abc'"),
        (["-r", "a", "-m", "4294967296"], "4294967296"),
        (["-r", "a", "-m", "-5"], "-5"),
        (["-r", "a", "-Fq"], "'q'"),
        (["-r", "a", "-e", "python"], "-e knows"),
        (["-r", "a", "-S", "x"], "name=value"),
        (["-r", "a", "-S", "x="], "name=value"),
        (["-r", "a", "-S", "x=1"], "'x'"),
        (["-r", "a", "-S", "tcp_timeout=soon"], "'soon'"),
        (["-r", "a", "-S", "tcp_timeout=nan"], "'nan'"),
        (["-r", "a", "-S", "http_cmd='"], "not a command"),
        (["-r", "a", "-S", "tdelta=x"], "tdelta"),
        (["-r", "a", "--order", "time"], "'time'"),
        (["-r", "-", "-r", "-"], "only once"),
        (["-r", "a", "-o", ""], "not empty"),
        (["-r", "a", "--shell", "-c"], "exclude"),
    ],
)
def test_wrong_command_lines(arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_console_options_alone_are_noted() -> None:
    notes = parse(["-r", "a", "-D", "-0"]).notes
    assert notes == ["-D, -0 says how to print and does nothing without -c or -C"]
    assert parse(["-r", "a", "-D", "-c"]).notes == []


@pytest.mark.parametrize("words", [["-K"], ["-c"], ["-C"], ["-J"], ["-FX"], ["-x", "tcpdemux"]])
def test_an_index_of_nothing_is_noted(words: list[str]) -> None:
    (note,) = parse(["-r", "a", "-I", *words]).notes
    assert note.startswith("-I belongs to stream files")
    assert not parse(["-r", "a", "-I"]).notes


def test_help_and_version_come_before_everything_wrong() -> None:
    with pytest.raises(HelpWanted):
        parse(["-h", "-L", "x"])
    with pytest.raises(HelpWanted):
        parse(["-hh"])
    with pytest.raises(VersionWanted):
        parse(["-V"])


def test_every_option_of_tcpflow_is_known() -> None:
    assert {option.letter for option in OPTIONS if option.letter} == TCPFLOW_LETTERS | {"P"}


def test_no_letter_or_word_is_there_twice() -> None:
    letters = [option.letter for option in OPTIONS if option.letter]
    words = [option.word for option in OPTIONS if option.word]
    assert len(letters) == len(set(letters))
    assert len(words) == len(set(words))


@pytest.mark.parametrize("option", REFUSED, ids=lambda option: option.text)
def test_what_is_left_out_says_why(option: object) -> None:
    assert option.letter  # type: ignore[attr-defined]
    arguments = ["-r", "a", option.text] + (["x"] if option.argument else [])  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match=option.text) as caught:  # type: ignore[attr-defined]
        parse(arguments)
    assert len(str(caught.value)) > 20


def test_defaults_are_tcpflows() -> None:
    settings = parse(["-r", "a"])
    assert settings == Settings(captures=["a"])


def test_bodies_of_requests_need_bodies() -> None:
    (note,) = parse(["-r", "a", "--http-requests"]).notes
    assert note == "--http-requests does nothing without -e http or -a"
    assert not parse(["-r", "a", "--http-requests", "-e", "http"]).notes
    assert not parse(["-r", "a", "--http-requests", "-a"]).notes
