"""Matching: `where` filters over the attributes of series and resources."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

type Attributes = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Filter:
    """`attribute:value`, `attribute:prefix*` or `attribute!:value`."""

    attribute: str
    value: str
    prefix: bool = False
    negated: bool = False

    def fits(self, attributes: Attributes) -> bool:
        """Whether the attribute has the value, or starts with it; one that is absent does not."""
        value = attributes.get(self.attribute)
        if value is None:
            return False
        return value.startswith(self.value) if self.prefix else value == self.value


def parse_filter(text: str) -> Filter:
    """A filter, split at the first colon; ValueError says how one is written."""
    attribute, colon, value = text.partition(":")
    negated = attribute.endswith("!")
    attribute = attribute.removesuffix("!")
    if not colon or not attribute or not value:
        raise ValueError(
            f"{text!r} is no filter: send attribute:value, attribute:prefix* or attribute!:value, "
            "for example provider:hostup."
        )
    return Filter(attribute, value.removesuffix("*"), value.endswith("*"), negated)


def matcher(filters: Iterable[Filter]) -> Callable[[Attributes], bool]:
    """Says whether attributes pass: several filters of one attribute are OR, those of different
    ones AND, negatives AND."""
    alternatives: defaultdict[str, list[Filter]] = defaultdict(list)
    excluded: list[Filter] = []
    for one in filters:
        (excluded if one.negated else alternatives[one.attribute]).append(one)
    required = list(alternatives.values())

    def matches(attributes: Attributes) -> bool:
        return all(any(one.fits(attributes) for one in group) for group in required) and not any(
            one.fits(attributes) for one in excluded
        )

    return matches
