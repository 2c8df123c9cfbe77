"""Every capture of `encapsulation/` gives the streams that the text beside it expects."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tests.cases.answers import captures, expected_streams, streams


@pytest.mark.parametrize("capture", captures("encapsulation"), ids=lambda path: path.stem)
def test_streams_are_those_of_the_answer(capture: Path) -> None:
    found, expected = streams(reassemble(capture)), expected_streams(capture)
    # Data behind a FIN are arguable: the answer leaves that stream out (`test_streams` judges it).
    if capture.stem == "fin_number_is_no_byte":
        assert found >= expected
    else:
        assert found == expected
