"""Settings: numbers that the environment names, held to the range in which they make sense."""

import os

from tributary.errors import SettingsError


def number_from_env(variable: str, default: float, least: float, most: float) -> float:
    """The variable's number, or the default; SettingsError, which names it, for any other text."""
    text = os.environ.get(variable, str(default))
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise SettingsError(f"{variable} is {text!r}, not a number from {least:,} to {most:,}")
    return number


def whole_number_from_env(variable: str, default: int, least: int, most: int) -> int:
    """The same for what there are no fractions of."""
    number = number_from_env(variable, default, least, most)
    if number != int(number):
        raise SettingsError(f"{variable} is {os.environ[variable]!r}, not a whole number")
    return int(number)
