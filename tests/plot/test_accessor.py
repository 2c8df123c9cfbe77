"""`flows.plot` and `flow.plot`: names, help, refusals."""

from __future__ import annotations

import inspect
import pickle

import pytest

from tests.plot.talks import damaged_flow, several

FLOWS = several(2)
FLOW = damaged_flow()


def test_dir_lists_the_pictures() -> None:
    assert {"timeline", "bandwidth", "endpoints", "sizes"} <= set(dir(FLOWS.plot))
    assert {"time_sequence", "throughput", "rtt", "coverage"} <= set(dir(FLOW.plot))
    assert "rtt" not in dir(FLOWS.plot)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match="no picture 'pie' here; there are: timeline, bandwidth"):
        FLOWS.plot.pie  # noqa: B018
    with pytest.raises(AttributeError, match="there are: time_sequence, throughput, rtt, coverage"):
        FLOW.plot.timeline  # noqa: B018
    assert not hasattr(FLOWS.plot, "__wrapped__")


def test_the_repr_says_what_there_is() -> None:
    assert repr(FLOWS.plot).splitlines()[0].startswith("timeline ")
    assert "bandwidth(*, every=None" in repr(FLOWS.plot.bandwidth)


@pytest.mark.parametrize("name", ["timeline", "bandwidth", "endpoints", "sizes"])
def test_help_shows_all_options(name: str) -> None:
    drawing = getattr(FLOWS.plot, name)
    names = list(inspect.signature(drawing).parameters)
    text = inspect.getdoc(drawing)
    assert names[-2:] == ["ax", "interactive"]
    assert text is not None
    assert text.count("Parameters\n---") == 1
    assert all(f"\n{option} : " in text for option in names)


def test_an_unknown_option_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="colour"):
        FLOWS.plot.sizes(colour="red")


def test_an_interactive_picture_has_no_axes() -> None:
    with pytest.raises(ValueError, match="interactive"):
        FLOWS.plot.sizes(interactive=True, ax=object())


def test_pictures_do_not_pretend_to_be_data() -> None:
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.loads(pickle.dumps(FLOWS.plot.nothing))
