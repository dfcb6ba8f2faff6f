"""Numbers in as few bytes as they need, texts and byte planes: what a chunk is made of."""

import struct
from collections.abc import Sequence

WORD_BYTES = 8

_FLOAT64 = struct.Struct("<d")


class Writer:
    """Collects content field by field."""

    def __init__(self) -> None:
        self._content = bytearray()

    def number(self, number: int) -> None:
        """A number from 0 up, seven bits a byte, lowest first."""
        while number > 0x7F:
            self._content.append(number & 0x7F | 0x80)
            number >>= 7
        self._content.append(number)

    def signed(self, number: int) -> None:
        """Any number: 0, -1, 1, -2 … as 0, 1, 2, 3 …"""
        self.number(number * 2 if number >= 0 else -number * 2 - 1)

    def float64(self, number: float) -> None:
        """Eight bytes."""
        self._content += _FLOAT64.pack(number)

    def text(self, text: str) -> None:
        """UTF-8 behind its length."""
        encoded = text.encode()
        self.number(len(encoded))
        self._content += encoded

    def block(self, content: bytes) -> None:
        """Bytes behind their number."""
        self.number(len(content))
        self._content += content

    def planes(self, words: bytes, width: int) -> None:
        """The `width` lowest bytes of each eight-byte word: all first bytes, all second bytes …"""
        for plane in range(width):
            self._content += words[plane::WORD_BYTES]

    def content(self) -> bytes:
        """All fields so far."""
        return bytes(self._content)


class Reader:
    """Reads the fields back in the order they were written; IndexError where content ends early."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def number(self) -> int:
        """A number from 0 up."""
        byte = number = self._content[self._at]
        self._at += 1
        shift = 0
        while byte > 0x7F:
            byte = self._content[self._at]
            self._at += 1
            shift += 7
            number += (byte - 1) << shift  # Takes away the bit that said that more would follow.
        return number

    def signed(self) -> int:
        """Any number."""
        number = self.number()
        return number >> 1 if number % 2 == 0 else -(number >> 1) - 1

    def float64(self) -> float:
        """Eight bytes' number."""
        number: float = _FLOAT64.unpack(self._take(8))[0]
        return number

    def text(self) -> str:
        """UTF-8 behind its length."""
        return self._take(self.number()).decode()

    def block(self) -> bytes:
        """Bytes behind their number."""
        return self._take(self.number())

    def planes(self, rows: int, width: int) -> list[bytes]:
        """So many planes of a byte a row."""
        return [self._take(rows) for _ in range(width)]

    def skip(self, count: int) -> None:
        """Passes over `count` bytes."""
        self._take(count)

    def end(self) -> None:
        """ValueError unless everything has been read."""
        if self._at != len(self._content):
            raise ValueError(f"{len(self._content) - self._at} bytes follow the last field")

    def _take(self, count: int) -> bytes:
        taken = self._content[self._at : self._at + count]
        if len(taken) < count:
            raise IndexError(f"content ends {count - len(taken)} bytes early")
        self._at += count
        return taken


def woven(planes: Sequence[bytes], word: bytes = bytes(WORD_BYTES)) -> bytearray:
    """A word for each row of the planes, their bytes lowest first and then those of `word`."""
    words = bytearray(word) * len(planes[0])
    for byte, plane in enumerate(planes):
        words[byte :: len(word)] = plane
    return words
