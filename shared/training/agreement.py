"""How often r agrees with labels it was not trained on: one comparison after the other, each right or wrong.

And, for each comparison, the position of the query that it counts with where queries are drawn anew (bootstrap).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from shared.domain import LabeledQuery


def chosen_highest(scores: Tensor, labels: Sequence[LabeledQuery]) -> list[bool]:
    """For each label, whether its choice has the highest score of its row (B, N); of equal scores, the first has."""
    best = torch.tensor([label.best for label in labels], device=scores.device)
    right: list[bool] = (scores.argmax(-1) == best).tolist()
    return right


def rated_in_order(scores: Tensor, labels: Sequence[LabeledQuery]) -> list[bool]:
    """For pairs of differently rated responses to two queries, whether the better rated one scores higher; (B, 1).

    A label is in one pair at most, and the scores have no say in who is paired with whom: so the comparisons are
    independent and each is right by chance with probability 1/2, as the gate assumes. Equal scores are wrong.
    """
    score = scores.squeeze(-1)
    rating = torch.tensor([label.rating for label in labels], device=scores.device)
    pairs = torch.tensor(_pairs(labels), dtype=torch.long, device=scores.device).view(-1, 2)
    one, other = pairs.unbind(-1)
    right: list[bool] = ((score[one] - score[other]) * (rating[one] - rating[other]) > 0).tolist()
    return right


def queries_chosen(labels: Sequence[LabeledQuery]) -> list[int]:
    """Of each comparison of `chosen_highest`, its query's position: several people may have answered one query."""
    return [label.position for label in labels]


def queries_rated(labels: Sequence[LabeledQuery]) -> list[int]:
    """Of each comparison of `rated_in_order`, that of the later one of its two queries."""
    return [labels[later].position for _, later in _pairs(labels)]


def _pairs(labels: Sequence[LabeledQuery]) -> list[tuple[int, int]]:
    """Indices of labels, each with the first earlier one that has no partner yet and another query and rating."""
    waiting: list[int] = []
    pairs = []
    for index, label in enumerate(labels):
        partner = next((i for i in waiting if _differ(labels[i], label)), None)
        if partner is None:
            waiting.append(index)
        else:
            waiting.remove(partner)
            pairs.append((partner, index))
    return pairs


def _differ(one: LabeledQuery, other: LabeledQuery) -> bool:
    return one.position != other.position and one.rating != other.rating
