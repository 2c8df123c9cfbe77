"""Waiting for descriptors of any number."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tcpflow_scapy.capture.live.waiting import readable


@pytest.fixture
def high_pipe() -> Iterator[tuple[int, int]]:
    """A pipe whose descriptors `select` does not know."""
    resource = pytest.importorskip("resource")
    fcntl = pytest.importorskip("fcntl")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1100:
        pytest.skip("not so many descriptors may be open here")
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1100), hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        ends = []
        for low in os.pipe():
            ends.append(fcntl.fcntl(low, fcntl.F_DUPFD, 1050))
            os.close(low)
            stack.callback(os.close, ends[-1])
        yield ends[0], ends[1]


def test_descriptors_of_any_number(high_pipe: tuple[int, int]) -> None:
    reader, writer = high_pipe
    assert reader > 1024
    assert readable([reader], 0) == set()
    os.write(writer, b"x")
    assert readable([reader], 60) == {reader}


def test_the_time_is_over_when_it_returns() -> None:
    reader, writer = os.pipe()
    try:
        begin = time.monotonic()
        assert readable([reader], 0.0123) == set()
        assert time.monotonic() - begin >= 0.0123
        os.close(writer)
        writer = -1
        # The end of a pipe is news, too.
        assert readable([reader], 60) == {reader}
    finally:
        for each in (reader, writer):
            if each >= 0:
                os.close(each)
