# SPDX-License-Identifier: MIT
"""HdrHistogram: bucket arithmetic, percentiles by definition, codec and log round trips."""

import base64
import json
import math
import re
import struct
import subprocess
import zlib
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kv_tools
from dunelab import hdr, hlog

# A host that does other work makes no example wrong.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

values = st.one_of(st.integers(0, 5000), st.integers(0, hdr.HIGHEST))
samples = st.lists(values, min_size=1, max_size=300)
percents = st.sampled_from(["0.1", "25", "50", "90", "99", "99.9", "100"])


def filled(numbers):
    histogram = hdr.Histogram()
    for number in numbers:
        assert histogram.record(number)
    return histogram


def test_shape_is_the_known_one():
    histogram = hdr.Histogram()
    assert (histogram.length, histogram.sub_buckets) == (32768, 2048)


@given(values)
def test_value_lies_in_its_bucket_within_a_tenth_of_a_percent(value):
    histogram = hdr.Histogram()
    low, high = histogram.edges(histogram.index(value))
    assert low <= value <= high
    assert high - low <= value / 1000


def test_buckets_tile_the_range():
    histogram, expected = hdr.Histogram(), 0
    for index in range(histogram.length):
        low, high = histogram.edges(index)
        assert low == expected and histogram.index(low) == histogram.index(high) == index
        expected = high + 1
    assert expected > hdr.HIGHEST


@given(samples, percents)
def test_percentile_follows_its_definition(numbers, percent):
    histogram = filled(numbers)
    rank = math.ceil(Fraction(percent) / 100 * len(numbers))
    exact = sorted(numbers)[rank - 1]
    assert histogram.percentile(percent) == histogram.edges(histogram.index(exact))[1]


def test_percentile_is_not_spoiled_by_floating_point():
    # 0.999 * 1000 is 999.0000000000001 in binary: the ceiling would pick the wrong sample.
    histogram = filled(range(1, 1001))
    assert histogram.percentile("99.9") == 999


def test_empty_and_out_of_range():
    histogram = hdr.Histogram()
    assert histogram.percentile("99") is None and histogram.total == 0
    assert not histogram.record(1 << 42) and not histogram.record(-1)
    assert histogram.overflow == 2 and histogram.total == 0
    for bad in ("0", "-1", "100.1"):
        with pytest.raises(ValueError):
            histogram.percentile(bad)


@given(samples)
@settings(max_examples=60)
def test_codec_round_trip(numbers):
    histogram = filled(numbers)
    again = hdr.decode_base64(histogram.encode_base64())
    assert again.counts == histogram.counts and again.shape() == histogram.shape()


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_zigzag_round_trip(value):
    out = bytearray()
    hdr._put_zigzag(out, value)
    assert len(out) <= 9 and hdr._get_zigzag(out, 0) == (value, len(out))


def test_wire_bytes_are_the_published_layout():
    histogram = filled([0, 0, 5])
    head = struct.unpack_from(">iiiiqqd", histogram.encode())
    assert head == (0x1C849313, 3, 0, 3, 1, 1 << 40, 1.0)
    # two zeros -> count 2 -> zigzag 4; four empty buckets -> -4 -> 7; one five -> 1 -> 2
    assert histogram.encode()[40:] == bytes([4, 7, 2])
    assert histogram.encode_base64().startswith("HISTFAAA")


@given(samples, st.data())
@settings(max_examples=60)
def test_damage_is_an_error_or_another_histogram_never_a_crash(numbers, data):
    raw = bytearray(filled(numbers).encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    try:
        hdr.decode(bytes(raw))
    except hdr.CodecError:
        pass


@pytest.mark.parametrize("text", [
    "", "!!", "AAAA", "HISTFAAA", base64.b64encode(b"\0" * 40).decode(),
    base64.b64encode(struct.pack(">ii", 0x1C849314, 3) + b"abc").decode(),
    base64.b64encode(struct.pack(">ii", 0x1C849314, len(zlib.compress(b"x")))
                     + zlib.compress(b"x")).decode()])
def test_bad_text_is_refused(text):
    with pytest.raises(hdr.CodecError):
        hdr.decode_base64(text)


def test_decompression_is_bounded():
    bomb = zlib.compress(b"\0" * (1 << 24))
    with pytest.raises(hdr.CodecError):
        hdr.decode_base64(base64.b64encode(struct.pack(">ii", 0x1C849314, len(bomb))
                                           + bomb).decode())


@given(st.lists(samples, min_size=1, max_size=4))
@settings(max_examples=40)
def test_merge_equals_recording_everything(groups):
    merged = hdr.merge(filled(group) for group in groups)
    assert merged.counts == filled(sum(groups, [])).counts


def test_merge_refuses_another_shape():
    with pytest.raises(ValueError):
        hdr.Histogram().add(hdr.Histogram(1, 1 << 30, 2))


@given(st.lists(st.tuples(st.sampled_from(["", "intended", "service"]),
                          st.lists(values, max_size=20)), max_size=6))
@settings(max_examples=40)
def test_log_round_trip_keeps_tags_and_empty_intervals(groups):
    intervals = [hlog.Interval(number / 4, 0.25, filled(group), tag)
                 for number, (tag, group) in enumerate(groups)]
    again = hlog.read(hlog.write(intervals, 12.5))
    assert [(i.tag, i.start, i.length, i.histogram.counts) for i in again] == \
        [(i.tag, i.start, i.length, i.histogram.counts) for i in intervals]


def test_log_errors_name_the_line():
    text = hlog.write([hlog.Interval(0, 1, filled([7]))])
    with pytest.raises(hdr.CodecError, match="line 5"):
        hlog.read(text.replace("HISTF", "HISTX"))
    with pytest.raises(hdr.CodecError, match="version"):
        hlog.read("\n")


@given(samples)
@settings(max_examples=60)
def test_percentile_table_agrees_with_the_histogram(numbers):
    histogram = filled(numbers)
    rows = hlog.read_hgrm(hlog.write_hgrm(histogram))
    assert rows[-1] == (histogram.max(), 1.0, len(numbers))
    for value, level, count in rows:
        assert count == sum(c for v, c, _ in histogram.rows() if v <= value)
        assert count >= level * len(numbers) - 1e-3


def test_percentile_levels_halve_the_tail():
    levels = hlog.levels(1000)
    assert levels[:6] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert levels[6:11] == pytest.approx([0.55, 0.6, 0.65, 0.7, 0.75])
    assert levels[-1] < 1 and (1 - levels[-1]) * 1000 >= 1


def test_the_c_writer_and_this_codec_agree(tmp_path):
    out = tmp_path / "c"
    with kv_tools.Server([kv_tools.program("kv-server"), "--port", "0"]) as server:
        subprocess.run([kv_tools.program("kv-load"), "preload", "--records", "500",
                        "--target", f"127.0.0.1:{server.port}"], check=True, timeout=60,
                       capture_output=True)
        subprocess.run([kv_tools.program("kv-load"), "run", "--records", "500", "--requests",
                        "3000", "--rate", "5000", "--out", out, "--target",
                        f"127.0.0.1:{server.port}"], check=True, timeout=60)
    summary = json.loads(out.with_suffix(".json").read_text())
    text = out.with_suffix(".hlog").read_text()
    groups = hlog.by_tag(hlog.read(text))
    for tag, table in (("intended", ".hgrm"), ("service", ".service.hgrm")):
        merged = hdr.merge(item.histogram for item in groups[tag])
        given = summary[tag]
        assert merged.total == given["n"] == 3000
        assert merged.edges(merged.index(given["max"]))[1] == merged.max()
        assert merged.mean_stddev()[0] == pytest.approx(given["mean"], rel=1e-3)
        rows = hlog.read_hgrm((tmp_path / ("c" + table)).read_text())
        for value, level, count in rows:
            assert count == sum(c for v, c, _ in merged.rows() if v <= value)
            assert count >= level * 3000 - 0.01
        assert rows[-1][0] == merged.max() and rows[-1][2] == 3000
        # The same table, row by row, where both take the same levels.
        ours = {level: value for value, level, _ in hlog.read_hgrm(hlog.write_hgrm(merged))}
        for value, level, _ in rows:
            if level in ours:
                assert value == ours[level]
    for packed in re.findall(r"HISTF\S+", text):
        raw = zlib.decompress(base64.b64decode(packed)[8:])
        assert hdr.decode(raw).encode() == raw
