"""Random changes of a file's bytes, of the kinds that broken disks, writers and transfers make."""

import re
from collections.abc import Callable, Sequence

import numpy as np

Change = Callable[[bytearray, np.random.Generator], None]

_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE)
_WORDS = (b"nan", b"-1", b"0", b"1e999", b"-inf", b"4294967296", b"9" * 20, b"0,2", b"", b"null", b"{}", b"\\")


def changed(content: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """A file's content after one to six changes; now and then a part of another file takes its place."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 7))):
        if len(data) < 2:
            break
        CHANGES[int(rng.integers(len(CHANGES)))](data, rng)
    if rng.random() < 0.05:
        other = others[int(rng.integers(len(others)))]
        cut = int(rng.integers(1, len(data) + 1))
        data = data[:cut] + bytearray(other[min(cut, len(other)) :])
    return bytes(data)


def _at(data: bytearray, rng: np.random.Generator, room: int = 1) -> int:
    """A place; headers, where most that matters stands, are hit half of the time."""
    reach = len(data) if rng.random() < 0.5 else min(len(data), 700)
    return int(rng.integers(0, max(1, reach - room + 1)))


def _bits(data: bytearray, rng: np.random.Generator) -> None:
    at = _at(data, rng)
    data[at] ^= 1 << int(rng.integers(8))


def _bytes(data: bytearray, rng: np.random.Generator) -> None:
    count = int(rng.integers(1, 9))
    at = _at(data, rng, count)
    data[at : at + count] = rng.bytes(count)


def _number(data: bytearray, rng: np.random.Generator) -> None:
    size = int(rng.choice([1, 2, 4]))
    at = _at(data, rng, size)
    value = int(rng.choice(_EXTREMES)) & ((1 << 8 * size) - 1)
    data[at : at + size] = value.to_bytes(size, "little" if rng.random() < 0.7 else "big")


def _cut(data: bytearray, rng: np.random.Generator) -> None:
    del data[int(rng.integers(1, len(data))) :]


def _removed(data: bytearray, rng: np.random.Generator) -> None:
    at, count = _at(data, rng), int(rng.integers(1, 65))
    del data[at : at + count]


def _repeated(data: bytearray, rng: np.random.Generator) -> None:
    at, count = _at(data, rng), int(rng.integers(1, 257))
    data[at:at] = data[at : at + count] * int(rng.integers(1, 9))


def _inserted(data: bytearray, rng: np.random.Generator) -> None:
    at = _at(data, rng)
    data[at:at] = rng.bytes(int(rng.integers(1, 17)))


def _text(data: bytearray, rng: np.random.Generator) -> None:
    """A number that is written out becomes something else."""
    found = [m.span() for m in re.finditer(rb"-?\d+(\.\d+)?", data[:20_000])]
    if found:
        start, end = found[int(rng.integers(len(found)))]
        data[start:end] = _WORDS[int(rng.integers(len(_WORDS)))]


def _swapped(data: bytearray, rng: np.random.Generator) -> None:
    one, other, count = _at(data, rng), _at(data, rng), int(rng.integers(1, 33))
    first, second = data[one : one + count], data[other : other + count]
    data[one : one + len(first)], data[other : other + len(second)] = first, second


CHANGES: tuple[Change, ...] = (
    _bits, _bytes, _bytes, _number, _number, _number, _cut, _removed, _repeated, _inserted, _text, _text, _swapped,
)  # fmt: skip
