"""Turns and ratios, with steps that take what the test says."""

from collections.abc import Callable

import pytest

from benchmarks.interleave import Timed, Variant, interleave


def test_variants_take_turns_and_the_first_round_is_dropped() -> None:
    order: list[str] = []

    def step(name: str, *seconds: float) -> Callable[[], float]:
        left = iter(seconds)

        def run() -> float:
            order.append(name)
            return next(left)

        return run

    theirs = Variant("theirs", "float32", True, step("theirs", 9.0, 4.0, 6.0, 5.0), 1)
    ours = Variant("ours", "float32", False, step("ours", 9.0, 2.0, 2.0, 1.0), 1)
    timed = interleave([theirs, ours], rounds=3, say=lambda _: None)
    assert order == ["theirs", "ours"] * 4
    assert [each.seconds for each in timed] == [[4.0, 6.0, 5.0], [2.0, 2.0, 1.0]]


def test_times_faster_is_of_the_medians_and_spreads_over_rounds() -> None:
    variant = Variant("any", "float32", False, lambda: 0.0, 1)
    ours, theirs = Timed(variant, [2.0, 2.0, 1.0]), Timed(variant, [4.0, 6.0, 5.0])
    assert ours.times_faster(theirs) == pytest.approx((2.5, 2.0, 5.0))
