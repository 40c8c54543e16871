"""How comparisons and versions stand, for people to read."""

from collections.abc import Sequence

from shared.quality.leaderboard import REF_POLICY, Contestant, Standing
from shared.store.comparisons import Compared


def comparison_lines(found: Sequence[Compared]) -> str:
    """A line a comparison, with its interval that is always valid."""
    return "\n".join(map(_line, found)) if found else "no comparison yet: `prefloop compare` makes one"


def _line(one: Compared) -> str:
    tally, other = one.tally, _name(one.reference if one.against is None else one.against)
    share = "no preference yet"
    if one.rate is not None:
        low, high = one.interval
        share = f"{one.rate:.1%} [{low:.1%}, {high:.1%}], e = {one.evidence:.3g} of {1 / one.alpha:.3g}"
    return (
        f"{one.id}: {_name(one.version)} beside {other}, {one.state}: {tally.wins} to {tally.losses}, "
        f"{tally.neither} neither, {tally.waiting} of {tally.queries} waiting: {share}"
    )


def leaderboard_lines(found: Sequence[Standing]) -> str:
    """A line a contestant, the strongest first."""
    return (
        "\n".join(map(_standing, found)) if found else "nothing was compared yet: `prefloop compare` has people asked"
    )


def _standing(one: Standing) -> str:
    if one.rate is None or one.interval is None:
        return f"{_name(one.contestant):<24} undefined: no chain of comparisons leads to ρ ({one.labels} labels)"
    low, high = one.interval
    share = f"{one.rate:.1%} [{low:.1%}, {high:.1%}]"
    return f"{_name(one.contestant):<24} preferred to ρ: {share} ({one.labels} labels)"


def _name(one: Contestant | None) -> str:
    return "ρ" if one == REF_POLICY else f"π{one}" if isinstance(one, int) else str(one)
