"""Decoded items: each series of a content is decoded once, while there is room."""

from collections.abc import Callable

from tributary.decoded import Decoded, everything
from tributary.table import Item, Key


class Decoder:
    """Decodes `a=123` to `{"a": [1, 2, 3]}`, and notes what it decodes."""

    def __init__(self) -> None:
        self.decoded: list[str] = []

    def __call__(self, data: bytes, wanted: Callable[[str], bool]) -> dict[str, list[int]]:
        series = dict(part.split("=") for part in data.decode().split())
        chosen = {key: list(map(int, rows)) for key, rows in series.items() if wanted(key)}
        self.decoded += chosen
        return chosen


def item(content: str) -> Item:
    return Item(Key("pk", "sk"), content.encode(), content.encode())


def test_a_series_is_decoded_when_it_is_first_wanted() -> None:
    decoder = Decoder()
    decoded = Decoded(decoder)

    assert decoded.series(item("a=12 b=3"), "a".__eq__) == {"a": [1, 2]}
    assert decoded.series(item("a=12 b=3"), "a".__eq__) == {"a": [1, 2]}
    assert decoder.decoded == ["a"]
    assert decoded.series(item("a=12 b=3"), "b".__eq__) == {"b": [3]}
    assert decoder.decoded == ["a", "b"]


def test_another_content_of_the_same_item_is_decoded_anew() -> None:
    decoded = Decoded(Decoder())

    assert decoded.series(item("a=1"), everything) == {"a": [1]}
    assert decoded.series(item("a=2"), everything) == {"a": [2]}


def test_nothing_is_found_of_what_an_item_lacks() -> None:
    decoder = Decoder()
    decoded = Decoded(decoder)

    assert decoded.series(item("a=1"), "c".__eq__) == {}
    assert decoded.series(item(""), everything) == {}
    assert decoder.decoded == []


def test_what_was_wanted_longest_ago_is_forgotten_when_there_is_no_room() -> None:
    decoder = Decoder()
    # Room for two items of one series of two rows.
    decoded = Decoded(decoder, most_rows=2 * (120 + 24 + 2))

    for content in ("a=12", "b=34", "a=12", "c=56", "a=12", "b=34"):
        decoded.series(item(content), everything)

    assert decoder.decoded == ["a", "b", "c", "b"]


def test_items_of_few_or_no_rows_are_forgotten_too_when_there_is_no_room() -> None:
    decoder = Decoder()
    decoded = Decoded(decoder, most_rows=10_000)

    contents = [f"a={number:04}" for number in range(100)]
    for content in contents:
        decoded.series(item(content), everything)
        decoded.series(item(f"b={content[2:]}"), "a".__eq__)
    decoder.decoded.clear()
    for content in contents:
        decoded.series(item(content), everything)

    assert len(decoder.decoded) == 100
