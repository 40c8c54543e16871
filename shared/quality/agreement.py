"""How far people who answer the same query agree."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

import krippendorff

from shared.quality.labels import StandingLabel
from shared.quality.share import Share, share

Overlap = Mapping[int, Counter[int]]  # by query: how many people gave each answer


def overlap(labels: Iterable[StandingLabel]) -> Overlap:
    """The queries that two people or more answered, with what they said."""
    answers: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for label in labels:
        answers[label.query_id][label.answer] += 1
    return {query: counts for query, counts in answers.items() if counts.total() > 1}


def agreement(labels: Iterable[StandingLabel], everybody: Overlap) -> Share | None:
    """How often others gave the same answer as these labels; of all labels, the share of the pairs that agree.

    The labels must be among everybody's. Pairs of one query are not independent, so a query counts once, by the share
    of its pairs that agree, and the interval is that of so many queries. (It is rather too wide: a share varies no more
    than a yes or no does.) Undefined where nobody else answered any of these queries.
    """
    agreeing: defaultdict[int, list[float]] = defaultdict(list)
    for label in labels:
        if counts := everybody.get(label.query_id):
            agreeing[label.query_id].append((counts[label.answer] - 1) / (counts.total() - 1))
    return share(sum(sum(shares) / len(shares) for shares in agreeing.values()), len(agreeing))


def alpha(everybody: Overlap, *, ordinal: bool) -> float | None:
    """Krippendorff's alpha, 1 - D_observed / D_expected: 1 is perfect agreement, 0 what chance gives.

    Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability". Nominal for choices, ordinal for ratings; that none
    is acceptable is an answer like the others, below the lowest rating. Undefined without a query that two people
    answered, and where all gave one and the same answer: there is nothing to agree about.
    """
    answers = sorted(set().union(*everybody.values()))
    if len(answers) < 2:
        return None
    counts = [[said[answer] for answer in answers] for said in everybody.values()]
    level: Literal["ordinal", "nominal"] = "ordinal" if ordinal else "nominal"
    return float(krippendorff.alpha(value_counts=counts, value_domain=answers, level_of_measurement=level))
