"""Given: the parameters in a raw query string, each read once, and what is wrong with them."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote_to_bytes

from functions.query_api.problems import BadRequestError, Fault, nearest

_MOST_PARAMETERS = 500
_MOST_SHOWN = 100
_SHORT_NUMBER = re.compile("[0-9]{1,16}")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Given:
    """The parameters of one request, and the faults found in them so far."""

    def __init__(self, raw: str, names: Mapping[str, bool]) -> None:
        self._values: dict[str, list[str]] = {}
        self._faults: list[Fault] = []
        for name, value in _pairs(raw):
            self._values.setdefault(name, []).append(value)
        for name, values in self._values.items():
            self._check_name(name, len(values), names)

    def has(self, name: str) -> bool:
        """Whether the parameter was sent."""
        return name in self._values

    def one[T, D](self, name: str, parse: Callable[[str], T], default: D) -> T | D:
        """The parameter as `parse` has it, whose ValueError says what to send instead; the default
        where there is none or a fault in it."""
        values = self._values.get(name)
        parsed = self._parsed(name, values[0], parse) if values else ()
        return parsed[0] if parsed else default

    def each[T](self, name: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """The same for one that may be repeated."""
        values = self._values.get(name, ())
        return tuple(one for text in values for one in self._parsed(name, text, parse))

    def fault(self, parameter: str, detail: str, code: str = "invalid_value") -> None:
        """Notes what is wrong with a parameter."""
        fault = Fault(parameter, detail, code)
        if fault not in self._faults:
            self._faults.append(fault)

    def faulty(self, *parameters: str) -> bool:
        """Whether anything is wrong with any of these."""
        return any(fault.parameter in parameters for fault in self._faults)

    def check(self) -> None:
        """BadRequestError with all faults, if there are any."""
        if self._faults:
            raise BadRequestError(self._faults)

    def _parsed[T](self, name: str, text: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        try:
            return (parse(text),)
        except _EmptyError:
            self.fault(name, f"{name} has an empty value: send one.")
        except ValueError as error:
            self.fault(name, str(error), getattr(error, "code", "invalid_value"))
        return ()

    def _check_name(self, name: str, times: int, names: Mapping[str, bool]) -> None:
        if name not in names:
            hint = nearest(name, names) if names else "This path takes none."
            self.fault(name, f"There is no parameter {shown(name)}. {hint}", "unknown_parameter")
        elif times > 1 and not names[name]:
            self.fault(name, f"{name} was sent {times} times: send it once.", "repeated_parameter")


class _EmptyError(ValueError):
    """A value, or one of several in it, is missing."""


def filled(text: str) -> str:
    """The text; what `Given` says of one that is empty, otherwise."""
    if not text:
        raise _EmptyError
    return text


def whole(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number within bounds."""

    def parse(text: str) -> int:
        # Converted only if it is short: so many digits are a number larger than any bound.
        if _SHORT_NUMBER.fullmatch(text) and least <= int(text) <= most:
            return int(text)
        raise ValueError(f"{shown(text)} is out of range: send a number from {least} to {most}.")

    return parse


def shown(text: str) -> str:
    """A value as an error quotes it: no more of it than tells which one it is."""
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…")


def _pairs(raw: str) -> list[tuple[str, str]]:
    """Names and values in order. Read from the raw string, since API Gateway joins what is
    repeated with commas, which values may hold themselves."""
    parts = [part for part in raw.split("&") if part]
    if len(parts) > _MOST_PARAMETERS:
        detail = f"{len(parts)} parameters are too many: send at most {_MOST_PARAMETERS}."
        raise BadRequestError([Fault("", detail, "too_many_parameters")])
    pairs = [part.partition("=") for part in parts]
    return [
        (name, _decoded(value, name)) for coded, _, value in pairs for name in [_decoded(coded)]
    ]


def _decoded(text: str, parameter: str = "") -> str:
    if _BROKEN_ESCAPE.search(text):
        detail = (
            f"{shown(text)} has a % that no two hexadecimal digits follow: send %25 for a % itself."
        )
        raise BadRequestError([Fault(parameter, detail, "broken_encoding")])
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError as error:
        detail = f"{shown(text)} is not UTF-8: percent-encode UTF-8 bytes."
        raise BadRequestError([Fault(parameter, detail, "broken_encoding")]) from error
