"""Names that a pack refers to and does not have: said with the nearest one that it has."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches

Problem = tuple[tuple[str | int, ...], str]  # (path in the pack, what is wrong and what to do)


def missing(path: tuple[str | int, ...], what: str, name: str, known: Collection[str]) -> Iterator[Problem]:
    """The problem of a name that is not known; none where it is."""
    if name not in known:
        near = get_close_matches(name, list(known), 1)
        listed = ", ".join(sorted(known)) or "none"
        yield path, f"no {what} {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"known: {listed}")
