"""Which policies a policy descends from: after a rollback, version numbers are no straight line."""

from collections.abc import Mapping


def descent(parents: Mapping[int, int | None], version: int) -> list[int]:
    """The versions from ρ, which has no parent, to this one, each the parent of the next."""
    line = []
    here: int | None = version
    while here is not None:
        line.append(here)
        here = parents[here]
    return line[::-1]
