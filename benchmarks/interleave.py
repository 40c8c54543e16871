"""Steps of several variants in turn, so that whatever slows the machine slows all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to do a row's step. `step` gives its seconds; `flops` is the least work it takes."""

    name: str
    dtype: str
    baseline: bool
    step: Callable[[], float]
    flops: int

    @property
    def label(self) -> str:
        return f"{self.name}, {self.dtype}"


@dataclass(frozen=True, slots=True)
class Timed:
    """A variant's seconds, one a round, the first round dropped."""

    variant: Variant
    seconds: list[float]

    @property
    def median(self) -> float:
        return median(self.seconds)

    def times_faster(self, than: "Timed") -> tuple[float, float, float]:
        """(ratio of the medians, lowest and highest ratio of one round)."""
        rounds = [theirs / ours for ours, theirs in zip(self.seconds, than.seconds, strict=True)]
        return than.median / self.median, min(rounds), max(rounds)


def interleave(variants: Sequence[Variant], *, rounds: int, say: Callable[[str], None]) -> list[Timed]:
    """`rounds` rounds, and one before them that is dropped: it pays for what is made once."""
    timed = [Timed(variant, []) for variant in variants]
    for number in range(rounds + 1):
        for each in timed:
            seconds = each.variant.step()
            if number:
                each.seconds.append(seconds)
            say(f"  {f'round {number} of {rounds}' if number else 'dropped'}: {seconds:6.2f} s  {each.variant.label}")
    return timed
