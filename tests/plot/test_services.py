"""Services: the largest are named, the rest is one, colours stay."""

from __future__ import annotations

import numpy as np
import pytest

from tcpflow_scapy.plot import palette
from tcpflow_scapy.plot.services import OTHER, Services, colours, largest, service_name

PORTS = np.array([80, 80, 443, 5000, 6000])
WEIGHT = np.array([1, 2, 10, 3, 3])


def test_names() -> None:
    assert [service_name(p) for p in (80, 22, 5000, 0)] == ["80 http", "22 ssh", "5000", "0"]


def test_the_largest_first_of_equal_ones_the_lower_port() -> None:
    assert largest(PORTS, WEIGHT, 3) == [443, 80, 5000]
    assert largest(PORTS[:0], WEIGHT[:0], 3) == []


def test_the_rest_is_one() -> None:
    services = Services(PORTS, WEIGHT, 2)
    assert services.names == ["443 https", "80 http", OTHER]
    assert services.codes(PORTS).tolist() == [1, 1, 0, 2, 2]
    everything = Services(PORTS, WEIGHT, 7)
    assert OTHER not in everything.names
    assert sorted(set(everything.codes(PORTS).tolist())) == [0, 1, 2, 3]
    assert Services(PORTS, WEIGHT, 0).names == [OTHER]


def test_no_negative_number_of_services() -> None:
    with pytest.raises(ValueError, match="negative"):
        Services(PORTS, WEIGHT, -1)


def test_known_services_have_their_own_colour_and_no_two_share_one() -> None:
    found = colours([5000, 80, 443, 22, 6000, 6001, 6002])
    assert found["80 http"] == palette.BLUE
    assert found["443 https"] == palette.GREEN
    assert len({c for n, c in found.items() if n != OTHER}) == 7
    assert found[OTHER] == palette.GREY
    assert colours(list(range(1000, 1020)))["1019"] == palette.GREY
