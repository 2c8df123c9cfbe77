from __future__ import annotations

import gzip
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.protocols.content_coding import (
    CODING_PROBLEMS,
    DecodeLimits,
    Outcome,
    coding_names,
    decode,
    decode_pieces,
)

brotli = pytest.importorskip("brotli")
zstd = pytest.importorskip("backports.zstd")

PAGE = b"<html><body>" + b"".join(b"<p>paragraph %d</p>\n" % i for i in range(3000)) + b"</body></html>"
NOISE = random.Random(5).randbytes(200_000)


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


CODERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw": raw_deflate,
    "br": lambda data: brotli.compress(data, quality=4),
    "zstd": zstd.compress,
}
LABEL = {"raw": "deflate"}


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize(
    "data", [PAGE, NOISE, b"x", b"", bytes(100_000)], ids=["page", "noise", "x", "", "zeros"]
)
def test_every_coding_gives_back_what_was_coded(coder: str, data: bytes) -> None:
    label = LABEL.get(coder, coder)
    result = decode(CODERS[coder](data), [label])
    assert result.data == data
    assert result.outcome.problems == set()
    assert result.outcome.applied == [label]


@given(st.binary(max_size=3000), st.sampled_from(sorted(CODERS)), st.integers(1, 500))
def test_how_the_input_is_cut_makes_no_difference(data: bytes, coder: str, size: int) -> None:
    coded = CODERS[coder](data)
    outcome = Outcome()
    cut = [coded[i : i + size] for i in range(0, len(coded), size)]
    assert b"".join(decode_pieces(cut, [LABEL.get(coder, coder)], outcome)) == data
    assert outcome.complete


@given(st.lists(st.sampled_from(["gzip", "deflate", "br", "zstd"]), max_size=5), st.binary(max_size=500))
def test_stacked_codings_come_off_in_reverse(names: list[str], data: bytes) -> None:
    coded = data
    for name in names:
        coded = CODERS[name](coded)
    result = decode(coded, names)
    assert result.data == data
    assert result.outcome.applied == names[::-1]


def test_several_gzip_members_are_one_body() -> None:
    coded = b"".join(gzip.compress(PAGE[i : i + 1000]) for i in range(0, len(PAGE), 1000))
    assert decode(coded, ["gzip"]).data == PAGE
    outcome = Outcome()
    bytewise = [coded[i : i + 1] for i in range(len(coded))]
    assert b"".join(decode_pieces(bytewise, ["gzip"], outcome)) == PAGE
    assert outcome.problems == set()


def test_several_zstd_frames_are_one_body() -> None:
    coded = zstd.compress(PAGE[:5000]) + b"\x50\x2a\x4d\x18\x04\0\0\0skip" + zstd.compress(PAGE[5000:])
    assert decode(coded, ["zstd"]).data == PAGE


@pytest.mark.parametrize("coder", CODERS)
def test_trailing_bytes_cost_nothing_but_a_word(coder: str) -> None:
    result = decode(CODERS[coder](PAGE) + b"\r\njunk", [LABEL.get(coder, coder)])
    assert result.data == PAGE
    assert result.outcome.problems == {"trailing_bytes"}
    assert result.outcome.complete


def test_zero_padding_after_gzip_is_nothing() -> None:
    assert decode(gzip.compress(PAGE) + bytes(512), ["gzip"]).outcome.problems == set()


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("fraction", [0.0, 0.02, 0.5, 0.99])
def test_cut_input_gives_what_there_is(coder: str, fraction: float) -> None:
    coded = CODERS[coder](NOISE + PAGE)
    result = decode(coded[: int(len(coded) * fraction)], [LABEL.get(coder, coder)])
    assert (NOISE + PAGE).startswith(result.data)
    if fraction:
        assert result.outcome.problems == {"coding_cut_short"}
        assert not result.outcome.complete
    if fraction > 0.4 and coder != "zstd":
        assert len(result.data) > len(NOISE) * (fraction - 0.1)


@pytest.mark.parametrize("coder", CODERS)
def test_damage_keeps_what_came_before(coder: str) -> None:
    coded = bytearray(CODERS[coder](NOISE + PAGE))
    middle = len(coded) - len(CODERS[coder](PAGE)) // 2
    coded[middle : middle + 40] = b"\xff" * 40
    result = decode(bytes(coded), [LABEL.get(coder, coder)])
    assert result.data[:100_000] == NOISE[:100_000]
    if coder not in ("raw", "zstd"):  # these come without a checksum
        assert result.outcome.problems & {"coding_corrupt", "bad_checksum"}


def test_damage_is_felt_to_the_byte() -> None:
    # The library drops the whole output of the call that fails; tcpflow keeps this prefix too.
    packer = zlib.compressobj(wbits=31)
    good = packer.compress(PAGE) + packer.flush(zlib.Z_SYNC_FLUSH)
    result = decode(good + b"\x07" + bytes(100), ["gzip"])  # a block of the type that does not exist
    assert result.data == PAGE
    assert result.outcome.problems == {"coding_corrupt"}


def test_bad_checksum_keeps_every_byte() -> None:
    coded = bytearray(gzip.compress(PAGE))
    coded[-6] ^= 1
    result = decode(bytes(coded), ["gzip"])
    assert result.data == PAGE
    assert result.outcome.problems == {"bad_checksum"}


@pytest.mark.parametrize("label", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize(
    "data", [PAGE, b'{"a":1}', b"x^2 + y^2", b"n", b"\x89PNG\r\n\x1a\n" + bytes(40), b"%PDF-1.7\n"]
)
def test_wrong_label_leaves_the_body_alone(label: str, data: bytes) -> None:
    result = decode(data, [label])
    assert result.data == data
    assert "wrong_label" in result.outcome.problems
    assert result.outcome.applied == []
    assert result.outcome.complete


@pytest.mark.parametrize(
    ("label", "coder"), [("deflate", "gzip"), ("gzip", "deflate"), ("br", "gzip"), ("zstd", "gzip")]
)
def test_confused_labels_are_seen_through(label: str, coder: str) -> None:
    result = decode(CODERS[coder](PAGE), [label])
    assert result.data == PAGE
    assert result.outcome.problems == {"wrong_label"}


def test_unknown_coding_leaves_the_body_alone() -> None:
    result = decode(b"abc", ["pack200-gzip"])
    assert (result.data, result.outcome.problems) == (b"abc", {"unknown_coding"})


@pytest.mark.parametrize("coder", CODERS)
def test_bomb_is_cut_at_the_ratio(coder: str) -> None:
    coded = CODERS[coder](bytes(40 << 20))
    result = decode(coded, [LABEL.get(coder, coder)], DecodeLimits(ratio=10, free=1 << 20))
    assert len(result.data) == (1 << 20) + 10 * len(coded)
    assert result.outcome.problems == {"ratio_limit"}
    assert not result.outcome.complete


def test_bomb_in_a_bomb() -> None:
    coded = gzip.compress(gzip.compress(bytes(64 << 20)))
    result = decode(coded, ["gzip", "gzip"], DecodeLimits(free=1 << 20))
    assert len(result.data) <= (1 << 20) + 1032 * len(coded)
    assert "ratio_limit" in result.outcome.problems


def test_what_gzip_makes_is_never_cut_by_its_ratio() -> None:
    coded = zlib.compress(bytes(40 << 20), 9)
    assert (40 << 20) / len(coded) > 1000
    result = decode(coded, ["deflate"], DecodeLimits(free=0))
    assert (len(result.data), result.outcome.problems) == (40 << 20, set())


def test_bodies_together_have_one_allowance() -> None:
    coded = gzip.compress(gzip.compress(bytes(4 << 20)))
    limits = DecodeLimits(free=6 << 20).together()
    sizes = [len(decode(coded, ["gzip", "gzip"], limits).data) for _ in range(10)]
    assert sizes[0] == 4 << 20
    assert sum(sizes) <= (6 << 20) + 10 * 1032 * len(coded)
    alone = decode(coded, ["gzip", "gzip"], limits.alone())
    assert (len(alone.data), alone.outcome.problems) == (4 << 20, set())


def test_total_of_bodies_together() -> None:
    limits = DecodeLimits(total=len(NOISE) + 10).together()
    results = [decode(gzip.compress(NOISE), ["gzip"], limits) for _ in range(3)]
    assert [len(result.data) for result in results] == [len(NOISE), 10, 0]
    assert [sorted(result.outcome.problems) for result in results] == [[], ["total_limit"], ["total_limit"]]


def test_size_limit() -> None:
    result = decode(gzip.compress(NOISE), ["gzip"], DecodeLimits(size=1000))
    assert result.data == NOISE[:1000]
    assert result.outcome.problems == {"size_limit"}


def test_very_many_empty_members_end() -> None:
    result = decode(gzip.compress(b"") * 120_000, ["gzip"])
    assert result.data == b""
    assert result.outcome.problems == {"size_limit"}


def test_too_many_codings_are_refused() -> None:
    result = decode(PAGE, ["gzip"] * 9)
    assert (result.data, result.outcome.problems) == (PAGE, {"too_many_codings"})


def test_names_in_any_spelling() -> None:
    assert coding_names(["GZip , x-gzip", '"br"', "identity", "Zstd;q=1", ""]) == [
        "gzip",
        "gzip",
        "br",
        "zstd",
    ]


@given(
    st.binary(max_size=300), st.lists(st.sampled_from(["gzip", "deflate", "br", "zstd", "wat"]), max_size=3)
)
def test_any_bytes_under_any_label_do_no_harm(data: bytes, names: list[str]) -> None:
    result = decode(data, names)
    assert result.outcome.problems <= set(CODING_PROBLEMS)
