"""The choice: which of the resources that a provider lists are collected."""

import os
from collections.abc import Callable

from tributary.errors import SettingsError
from tributary.matching import Attributes, matcher, parse_filter

type Choice = Callable[[Attributes], bool]


def choice_from_env() -> Choice:
    """RESOURCE_FILTERS, as the API's `where` has them, comma-separated; none chooses everything.

    Raises SettingsError for what is no filter.
    """
    texts = os.environ.get("RESOURCE_FILTERS", "").split(",")
    try:
        return matcher([parse_filter(text.strip()) for text in texts if text.strip()])
    except ValueError as error:
        raise SettingsError(f"RESOURCE_FILTERS: {error}") from error


def everything(_: Attributes) -> bool:
    """The choice of whoever wants no choice."""
    return True
