"""`make plan`: what a fleet would cost on AWS, and how often its hosts let it be asked.

It only reads: where there are tokens, the providers' lists and an answer for each kind of resource.
"""

import argparse
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from local import check_token, prices
from local.bill import Bill
from local.failure import Failure
from local.fleet_size import BY_ATTRIBUTE, SERVICE, VPS, Part
from local.parameters import Parameters
from local.prices import usd
from tributary.provider import Resource

_USAGE = (
    "Say what to plan for: NORTHFLANK_TOKEN or HOSTUP_TOKEN, whose resources are counted, or "
    "RESOURCES=20 CONTAINERS=30 for so many Northflank services with containers, and VPSES=10."
)


def main(
    arguments: Sequence[str], environment: Mapping[str, str], say: Callable[[str], None]
) -> int:
    """Prints the plan of the fleet that the tokens see, or that is said; 1 if there are problems.

    Raises Failure for a number or parameter that can't be used, and where there is no fleet.
    """
    parser = argparse.ArgumentParser(prog="make plan", description=__doc__)
    for name in ("resources", "containers", "vpses"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("parameters", nargs="*", metavar="Parameter=value")
    given = parser.parse_args(arguments)
    values = _values(given.parameters)
    services, vpses = _number("RESOURCES", given.resources), _number("VPSES", given.vpses)
    problems: list[str] = []
    if services or vpses:
        containers = _number("CONTAINERS", given.containers) or services
        parts = [Part(SERVICE, services, containers / max(services, 1)), Part(VPS, vpses)]
    elif any(environment.get(name) for name in ("NORTHFLANK_TOKEN", "HOSTUP_TOKEN")):
        parts, problems = seen(environment)
    else:
        raise Failure(_USAGE)
    _say(parts, values, say)
    for problem in problems:
        say(f"!! {problem}")
    return 1 if problems else 0


def seen(environment: Mapping[str, str]) -> tuple[list[Part], list[str]]:
    """What the tokens see, by kind; and a sentence for everything that was found wrong with them,
    with what they may, or with what their hosts answered."""
    parts, problems = [], []
    for sight in check_token.sights(environment):
        problems += [f"{sight.name}: {problem}" for problem in sight.problems]
        for kind, found in _by_kind(sight.resources).items():
            living = [one for one in found if not one.idle]
            answered = [sight.instances[one.id] for one in living if one.id in sight.instances]
            instances = sum(answered) / len(answered) if answered else 1.0
            idle = len(found) - len(living)
            parts.append(Part(BY_ATTRIBUTE[kind], len(found), max(1.0, instances), idle))
    return parts, problems


def _by_kind(resources: Sequence[Resource]) -> dict[str, list[Resource]]:
    kinds = Counter(one.attributes["kind"] for one in resources)
    return {kind: [one for one in resources if one.attributes["kind"] == kind] for kind in kinds}


def _say(parts: Sequence[Part], values: Mapping[str, str], say: Callable[[str], None]) -> None:
    for part in parts:
        if part.resources:
            idle = f", {part.idle} of them idle" if part.idle else ""
            say(
                f"{part.kind.provider}: {part.resources:,} {part.kind.noun}(s){idle}, "
                f"{part.series:,.0f} series, {part.samples_an_hour:,.0f} samples an hour"
            )
    lines = list(Bill(parts, values).lines())
    for line in lines:
        say(str(line))
    total = sum(line.usd or 0 for line in lines)
    say(f"Together {usd(total)} a month after a year, at prices of us-east-1 in {prices.AS_OF},")
    say("free tiers left out. PublishedMetrics= (none) and SelfMetricsDisabled=true save the most.")


def _values(overrides: Sequence[str]) -> dict[str, str]:
    parameters = Parameters.of_template()
    pairs = [one.partition("=") for one in overrides]
    given = {name: value for name, _, value in pairs}
    for problem in parameters.problems(given):
        raise Failure(problem)
    return {
        name: str(entry.get("Default", "")) for name, entry in parameters.entries.items()
    } | given


def _number(name: str, text: str) -> int:
    if not text:
        return 0
    if not text.isdecimal() or int(text) > 1_000_000:
        raise Failure(f"{name}={text} is no number from 0 to 1,000,000.")
    return int(text)


if __name__ == "__main__":
    logging.disable()
    try:
        sys.exit(main(sys.argv[1:], os.environ, print))
    except Failure as failure:
        sys.exit(str(failure))
