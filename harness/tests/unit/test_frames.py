# SPDX-License-Identifier: MIT
"""The frame parser: any chunking gives the same frames, any damage is noticed and survived."""

import random

import pytest

from dunelab.frames import Frame, FrameParser, encode

BINARY = bytes(range(256)) * 40
THREE = encode("file", "a", BINARY) + encode("event", "b", b"") + encode("exit", "status", b"0")


def parse(data, step=None):
    parser = FrameParser()
    step = step or max(len(data), 1)
    for start in range(0, len(data), step):
        parser.feed(data[start:start + step])
    parser.finish()
    return parser


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 1000, 100000])
def test_chunking_does_not_matter(step):
    parser = parse(THREE, step)
    assert parser.frames == [Frame("file", "a", BINARY), Frame("event", "b", b""),
                             Frame("exit", "status", b"0")]
    assert parser.errors == []


def test_a_frame_is_delivered_by_the_byte_that_completes_it():
    parser = FrameParser()
    data = encode("event", "x", b"hello")
    assert parser.feed(data[:-1]) == []
    assert parser.feed(data[-1:]) == [Frame("event", "x", b"hello")]


def test_a_frame_within_a_payload_is_payload():
    inner = encode("exit", "status", b"9")
    assert parse(encode("file", "f", inner)).frames == [Frame("file", "f", inner)]


def test_every_single_changed_byte_is_noticed_and_the_next_frame_survives():
    first = encode("file", "data", b"0123456789")
    good = encode("exit", "status", b"0")
    # The name is not covered by the checksum; every other byte has to be.
    name = range(first.index(b"data"), first.index(b"data") + 4)
    for position in range(len(first)):
        for flip in (0x01, 0x20, 0x80):
            damaged = bytearray(first + good)
            damaged[position] ^= flip
            parser = parse(bytes(damaged))
            assert parser.errors or position in name, (position, flip)
            assert Frame("exit", "status", b"0") in parser.frames, (position, flip)


def test_every_single_lost_byte_is_noticed_and_the_next_frame_survives():
    first = encode("file", "data", b"0123456789")
    good = encode("exit", "status", b"0")
    name = range(first.index(b"data"), first.index(b"data") + 4)
    for position in range(len(first)):
        parser = parse(first[:position] + first[position + 1:] + good)
        assert parser.errors or position in name, position
        assert Frame("exit", "status", b"0") in parser.frames, position


def test_every_truncation_is_noticed():
    data = encode("file", "data", b"0123456789")
    for length in range(1, len(data)):
        assert parse(data[:length]).errors, length
    assert not parse(data).errors


def test_bytes_outside_frames_are_reported_with_their_number():
    parser = parse(b"noise" + THREE + b"more noise")
    assert len(parser.frames) == 3
    assert [e.split(": ")[1] for e in parser.errors] == ["5 bytes outside any frame",
                                                         "10 bytes outside any frame"]


def test_an_absurd_length_does_not_swallow_the_rest():
    data = b"\x02DL1 file big 999999999 00000000\n" + THREE
    parser = parse(data)
    assert len(parser.frames) == 3 and len(parser.errors) == 1


def test_random_rubbish_is_survived():
    source = random.Random(1)
    for _ in range(200):
        data = bytearray(THREE * 3)
        for _ in range(source.randrange(1, 20)):
            data[source.randrange(len(data))] = source.randrange(256)
        whole, bytewise = parse(bytes(data)), parse(bytes(data), 11)
        assert whole.frames == bytewise.frames


@pytest.mark.parametrize("name", ["", "two words", "line\n"])
def test_names_that_cannot_be_sent_are_refused(name):
    with pytest.raises(ValueError):
        encode("event", name, b"")
