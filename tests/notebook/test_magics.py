"""Magics, typed into a shell."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tcpflow_scapy import Flow, FlowTable, reassemble
from tcpflow_scapy.notebook.magics import Magics
from tests.notebook.conftest import Prompt


def names(flows: FlowTable) -> list[str]:
    return [flow.key for flow in flows]


def test_flows_reads_filters_and_binds(prompt: Prompt, sample_pcaps: Path) -> None:
    path = sample_pcaps / "mem.pcap"
    found = prompt(f"%flows {path} tcp port 80")
    assert isinstance(found, FlowTable)
    assert prompt.shell.user_ns["flows"] is found
    assert names(found) == names(reassemble(path, filter="tcp port 80"))
    assert prompt("%flows") is found


def test_options_stand_anywhere(prompt: Prompt, sample_pcaps: Path) -> None:
    path = sample_pcaps / "mem.pcap"
    found = prompt(f"%flows --overlap last {path} --as=web --timeout 60 tcp port 80 --ignore-vlan")
    assert prompt.shell.user_ns["web"] is found
    assert "flows" not in prompt.shell.user_ns
    assert found._evidence.options["overlap"] == "last"
    # What was bound last is what the other magics speak of.
    assert len(prompt("%gaps")) == len(found.gaps)


def test_a_path_with_blanks_and_a_tilde(
    prompt: Prompt, sample_pcaps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copy(sample_pcaps / "mem.pcap", tmp_path / "my 'old' trace.pcap")
    assert len(prompt("""%flows "~/my 'old' trace.pcap" """)) == 7


def test_a_semicolon_shows_nothing(prompt: Prompt, sample_pcaps: Path) -> None:
    assert prompt(f"%flows {sample_pcaps / 'mem.pcap'} tcp port 80;") is None
    assert isinstance(prompt.shell.user_ns["flows"], FlowTable)


def test_a_cell_of_options(prompt: Prompt, sample_pcaps: Path) -> None:
    prompt.shell.user_ns["least"] = 1
    found = prompt(
        f"%%flows\n# two captures\nsource: {sample_pcaps}/mem.pcap {sample_pcaps}/missed_frames.pcap\n\n"
        "query: missing_bytes >= @least\nsort: -missing_bytes, start\noverlap: linux\n"
        "ignore-vlan: yes\nmax_gap: 100000\nas: broken\n"
    )
    assert prompt.shell.user_ns["broken"] is found
    assert found._evidence.options["overlap"] == "linux"
    assert len(found.capture.paths) == 2
    lost = found.df["missing_bytes"]
    assert len(found) > 0
    assert (lost >= 1).all()
    assert lost.is_monotonic_decreasing


def test_the_line_of_a_cell_counts_too(prompt: Prompt, sample_pcaps: Path) -> None:
    found = prompt(f"%%flows {sample_pcaps / 'mem.pcap'} --as web\nfilter: tcp port 80\n")
    assert prompt.shell.user_ns["web"] is found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%flows", "no flows are loaded"),
        ("%flows no/such.pcap", "no/such.pcap"),
        ("%flows {pcap} tcp prot 80", "tcp prot 80"),
        ("%flows {pcap} --overlap newest", "unknown overlap policy"),
        ("%flows {pcap} --overlap", "--overlap needs a value"),
        ("%flows {pcap} --bogus", "unknown option --bogus"),
        ("%flows {pcap} --ignore-vlan=1", "takes no value"),
        ("%flows {pcap} --timeout soon", "timeout is a number"),
        ("%flows {pcap} --timeout=-1", "timeout"),
        ("%flows {pcap} --max-gap -1", "whole number"),
        ("%flows {pcap} --as 2nd", "name of a variable"),
        ("%flows 'open", "quote is not closed"),
        ("%flows --as x", "no source"),
        ("%flows -", "standard input"),
        ("%flows {folder}", "{folder}"),
        ("%%flows\nsource {pcap}", "line 2 is not of the form"),
        ("%%flows\nsauce: {pcap}", "unknown key 'sauce'"),
        ("%%flows\nsource: {pcap}\nsource: {pcap}", "line 3: source is given twice"),
        ("%%flows {pcap}\nsource: {pcap}", "on the line and in the cell"),
        ("%%flows\nsource: {pcap}\nignore_vlan: perhaps", "yes or no"),
        ("%%flows\nsource: {pcap}\nquery: bogus > 1", "bogus"),
        ("%%flows\nsource: {pcap}\nquery: (((", "query"),
        ("%%flows\nsource: {pcap}\nquery: bytes", "query"),
        ("%%flows\nsource: {pcap}\nsort: size", "no such column"),
        ("%follow 1", "no flows are loaded"),
        ("%search x", "no flows are loaded"),
    ],
)
def test_mistakes_are_one_line(prompt: Prompt, sample_pcaps: Path, line: str, words: str) -> None:
    def fill(text: str) -> str:
        return text.replace("{pcap}", str(sample_pcaps / "mem.pcap")).replace("{folder}", str(sample_pcaps))

    assert fill(words) in prompt.error(fill(line))
    assert "flows" not in prompt.shell.user_ns


@pytest.mark.parametrize("name", Magics.LINES)
@pytest.mark.parametrize("option", ["-i", "-1", "--ignore", "-ignore-case", "---hex"])
def test_what_looks_like_an_option_is_one_or_is_refused(loaded: Prompt, name: str, option: str) -> None:
    assert f"unknown option {option}; there are: --" in loaded.error(f"%{name} {option} 0")
    assert f"unknown option {option}; there are: --" in loaded.error(f"%{name} 0 {option}")
    assert "given twice" in loaded.error("%search --limit 3 x --limit=5")


def test_a_mistake_keeps_what_was_loaded(loaded: Prompt) -> None:
    before = loaded.shell.user_ns["flows"]
    loaded.error("%flows no/such.pcap --as flows")
    assert loaded.shell.user_ns["flows"] is before


def test_an_interruption_leaves_what_was_there(loaded: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = loaded.shell.user_ns["flows"]
    monkeypatch.setattr("tcpflow_scapy.notebook.magics.load", interrupted)
    assert "interrupted" in loaded.error("%flows x.pcap")
    assert loaded.shell.user_ns["flows"] is before


def test_a_hostile_name_is_escaped_in_the_message(prompt: Prompt) -> None:
    message = prompt.error("%flows 'a\x1b[31mb\u202e.pcap'")
    assert "\x1b" not in message
    assert "\u202e" not in message


def test_follow_by_number_name_and_variable(loaded: Prompt) -> None:
    flows = loaded.shell.user_ns["flows"]
    loaded.shell.user_ns["mine"] = flows[3]
    for what in ("3", flows[3].key, "mine"):
        view = loaded(f"%follow {what}")
        assert view.flow == flows[3]
        assert (view.form, view.limit) == ("text", 65536)
    view = loaded("%follow --hex 3 --all")
    assert (view.form, view.limit) == ("hex", None)
    assert loaded("%follow 3 --limit 100").limit == 100


def test_numbers_are_those_of_the_table(loaded: Prompt) -> None:
    flows = loaded.shell.user_ns["flows"]
    loaded.shell.user_ns["few"] = flows[4:6]
    assert loaded("%follow 5 --in few").flow.id == 5
    assert "numbers go from 4 to 5" in loaded.error("%follow 0 --in few")
    loaded.shell.user_ns["none"] = flows[:0]
    assert "empty" in loaded.error("%follow 0 --in none")


def test_which_flow_is_asked_back(loaded: Prompt, sample_pcaps: Path) -> None:
    assert "which flow" in loaded.error("%follow")
    assert "which flow" in loaded.error("%follow 1 2")
    assert "form address:port" in loaded.error("%follow nobody")
    assert "no flow between" in loaded.error("%follow 1.2.3.4:5-6.7.8.9:10")
    assert "not a table" in loaded.error("%follow 1 --in nothing")
    again = reassemble(sample_pcaps / "port_reuse.pcap")
    loaded.shell.user_ns["again"] = again
    twice = again.df.groupby(["client", "client_port"], observed=True).size()
    assert (twice > 1).any()
    name = next(f.key for f in again if isinstance(again[f.key], FlowTable))
    assert "choose a number" in loaded.error(f"%follow {name} --in again")


def test_gaps_and_conflicts_of_all_or_some(prompt: Prompt, sample_pcaps: Path) -> None:
    flows = prompt(f"%flows {sample_pcaps / 'missed_frames.pcap'}")
    assert len(prompt("%gaps")) == len(flows.gaps) > 0
    first = int(flows.gaps["flow"].iloc[0])
    assert prompt(f"%gaps {first}")["flow"].unique().tolist() == [first]
    flows = prompt(f"%flows {sample_pcaps / 'injected_redirect.pcap'}")
    assert len(prompt("%conflicts")) == len(flows.conflicts) > 0
    chosen = " ".join(map(str, flows.df.index))
    assert len(prompt(f"%conflicts {chosen}")) == len(flows.conflicts)


def test_flows_of_two_captures_do_not_mix(loaded: Prompt, sample_pcaps: Path) -> None:
    loaded.shell.user_ns["other"] = reassemble(sample_pcaps / "redis.pcap")[0]
    assert isinstance(loaded.shell.user_ns["other"], Flow)
    assert "different captures" in loaded.error("%gaps 0 other")


def test_search_takes_the_pattern_as_typed(loaded: Prompt) -> None:
    flows = loaded.shell.user_ns["flows"]
    assert len(loaded("%search HTTP/1.1")) == len(flows.search(b"HTTP/1.1")) > 0
    assert len(loaded(r"%search --regex HTTP/1\.\d{1}")) == len(flows.search(b"HTTP/1."))
    assert loaded(r"%search --regex HTTP/1\.\d{1};") is None
    assert len(loaded("%search http/1.1")) < len(loaded("%search http/1.1 --ignore-case"))
    assert len(loaded("%search --limit 1 HTTP")) == 1
    assert len(loaded("%search '200 OK'")) == len(flows.search(b"200 OK"))
    assert len(loaded("%search $HOME")) == 0
    assert len(loaded("%search -- --hex")) == 0
    assert len(loaded("%search -- -www")) == len(flows.search(b"-www")) > 0
    assert "not a valid regular expression" in loaded.error("%search --regex (((")
    assert "search for what" in loaded.error("%search")
    assert "empty pattern" in loaded.error("%search ''")
    assert "empty pattern" in loaded.error("%search --regex ''")
    assert "limit" in loaded.error("%search x --limit many")


def test_export_writes_all_or_some(loaded: Prompt, tmp_path: Path) -> None:
    flows = loaded.shell.user_ns["flows"]
    table = loaded(f"%export '{tmp_path}/all of it'")
    assert len(table) == len(list((tmp_path / "all of it").iterdir()))
    some = loaded(f"%export {tmp_path}/one {flows.df.index[-1]}")
    assert set(some["flow"]) == {flows.df.index[-1]}
    again = loaded(f"%export {tmp_path}/one {flows.df.index[-1]} --overwrite")
    assert again["name"].tolist() == some["name"].tolist()
    assert "export to where" in loaded.error("%export")
    (tmp_path / "file").write_text("")
    assert "file" in loaded.error(f"%export {tmp_path}/file")


def test_help_is_there(loaded: Prompt) -> None:
    for name in ("flows", "follow", "gaps", "conflicts", "search", "export"):
        assert f"%{name}" in loaded.shell.find_magic(name).__doc__
