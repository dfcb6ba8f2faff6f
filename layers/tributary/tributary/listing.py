"""Listing: which resources an account has, by its provider's lists or by what is known of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tributary.choice import Choice
from tributary.errors import OutOfTimeError, TributaryError
from tributary.provider import Provider, Resource
from tributary.registry import Entry, Shard
from tributary.report import Report
from tributary.state import Collected

# Before the time at which a later life of a re-made resource began.
_LIFE = "~"


@dataclass(frozen=True, slots=True)
class Listing:
    """An account's resources, each in its present life.

    `fresh` are the ids of those that the provider listed just now; the others are as the registry
    knows them. `whole` says that nothing else is there.
    """

    resources: tuple[Resource, ...]
    fresh: frozenset[str]
    whole: bool


def known(shards: Iterable[Shard], states: Mapping[str, Collected], provider: Provider) -> Listing:
    """What the registry knows of and the provider's last list had."""
    account = f"{provider.name}/{provider.account}/"
    resources = (
        _known(entry, states.get(name, Collected()), account)
        for shard in shards
        for name, entry in shard.entries.items()
        if entry.gone_ms is None
    )
    return Listing(tuple(resources), frozenset(), whole=False)


def discovered(
    provider: Provider, choice: Choice, before: Listing, shards: Iterable[Shard], report: Report
) -> Listing:
    """What the provider lists and is chosen, and, where it fails to list all, what was known
    before."""
    lives = _lives(shards)
    found: dict[str, Resource] = {}
    whole = False
    try:
        for resource in provider.discover():
            if choice(resource.attributes):
                present = _in_life(resource, lives.get(resource.id, resource.id))
                found[present.id] = present
        whole = True
    except OutOfTimeError as error:
        # Nothing is wrong with the resources that were not listed: they are the next run's.
        report.warned(f"listing resources: {error}")
    except TributaryError as error:
        report.failed(error, "listing resources")
    fresh = frozenset(found)
    if not whole:
        found = {one.id: one for one in before.resources} | found
    return Listing(tuple(found.values()), fresh, whole)


def reborn(resource: Resource, created: str) -> str:
    """The id of a resource's life that began when its provider says that it was created."""
    return f"{first_life(resource.id)}{_LIFE}{created}"


def first_life(resource: str) -> str:
    """The id without the life."""
    return resource.partition(_LIFE)[0]


def born_ms(entry: Entry) -> int:
    """When a later life began, in ms; 0 for a first one, whose samples are all of it."""
    return entry.created_ms if _LIFE in entry.resource else 0


def may_be_another(entry: Entry) -> bool:
    """Whether it came back into its provider's list and has not been described since."""
    return entry.gone_ms is not None or (entry.created_ms > 0 and not entry.described_ms)


def _lives(shards: Iterable[Shard]) -> dict[str, str]:
    """By first life, the id of the latest."""
    entries = [entry for shard in shards for entry in shard.entries.values()]
    entries.sort(key=lambda entry: (_LIFE in entry.resource, entry.created_ms))
    return {first_life(entry.resource): entry.resource for entry in entries}


def _in_life(resource: Resource, identity: str) -> Resource:
    if identity == resource.id:
        return resource
    attributes = {**resource.attributes, "resource": identity}
    return replace(resource, id=identity, attributes=attributes)


def _known(entry: Entry, state: Collected, account: str) -> Resource:
    native = first_life(entry.resource).removeprefix(account)
    return Resource(entry.resource, native, entry.attributes, {}, state.idle)
