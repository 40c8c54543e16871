"""How often people give the known answer."""

from collections.abc import Iterable

from shared.quality.labels import StandingLabel
from shared.quality.share import Share, share


def accuracy(labels: Iterable[StandingLabel]) -> Share | None:
    """The share of right ones of the answers that are known; undefined without one."""
    known = [label.right for label in labels if label.right is not None]
    return share(sum(known), len(known))
