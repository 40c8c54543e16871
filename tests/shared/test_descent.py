"""Ancestors by hand."""

from shared.descent import descent


def test_versions_that_were_rolled_back_from_are_left_out() -> None:
    parents = {0: None, 1: 0, 2: 1, 3: 2, 4: 1}
    assert descent(parents, 4) == [0, 1, 4]
    assert descent(parents, 3) == [0, 1, 2, 3]
    assert descent(parents, 0) == [0]
