"""Names that a pack refers to and does not have, said with the nearest one that it has; values by tier."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

Problem = tuple[tuple[str | int, ...], str]  # (path in the pack, what is wrong and what to do)


def missing(path: tuple[str | int, ...], what: str, name: str, known: Collection[str]) -> Iterator[Problem]:
    """The problem of a name that is not known; none where it is."""
    if name not in known:
        near = get_close_matches(name, list(known), 1)
        listed = ", ".join(sorted(known)) or "none"
        yield path, f"no {what} {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"known: {listed}")


def tiers(path: tuple[str | int, ...], values: Mapping[str, float]) -> Iterator[Problem]:
    """The problems of values by tier."""
    if "other" not in values:
        yield path, "no value for `other`, the tiers that are not named"
    for tier, value in values.items():
        if value < 0:
            yield (*path, tier), "cannot be negative"
