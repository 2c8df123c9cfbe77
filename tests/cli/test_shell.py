"""--shell: IPython with the flows in it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.cli.shell import banner

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_banner_says_what_is_loaded_and_what_to_try(sample_pcaps: Path) -> None:
    text = banner(reassemble(sample_pcaps / "mem.pcap"))
    assert "7 flows" in text
    assert "mem.pcap" in text
    assert text.count("flows.query(") == 1
    assert text.count("\n  flows") == 2
    assert text.count("\n  %follow") == 1


def test_what_the_banner_suggests_works(sample_pcaps: Path, tmp_path: Path) -> None:
    flows = reassemble(sample_pcaps / "mem.pcap")
    assert len(flows.query("missing_bytes > 0").export(tmp_path))
    assert str(flows[0].follow())
    assert isinstance(flows[0].server.data, bytes)


def test_a_session_in_a_terminal(sample_pcaps: Path, tmp_path: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "TERM": "dumb",
        "IPY_TEST_SIMPLE_PROMPT": "1",
        "PROMPT_TOOLKIT_NO_CPR": "1",
    }
    arguments = ["-m", "tcpflow_scapy", "-r", str(sample_pcaps / "mem.pcap"), "--shell"]
    shell = pexpect.spawn(
        sys.executable, arguments, env=environment, cwd=str(tmp_path), timeout=60, encoding="utf-8"
    )
    try:
        shell.expect("7 flows from")
        shell.expect(r"In \[1\]")
        shell.sendline("6 * len(flows)")
        shell.expect("42")
        shell.sendline("flows.df.shape[0], type(reassemble).__name__")
        shell.expect(r"\(7, 'function'\)")
        shell.sendline("%follow 0")
        shell.expect("client")
        shell.sendline("exit()")
        shell.expect(pexpect.EOF)
    finally:
        shell.close()
    assert shell.exitstatus == 0
    assert [path.name for path in tmp_path.iterdir()] == ["ipython"]
