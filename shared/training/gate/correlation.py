"""Does it order recent responses as the live r does, and not just by their length?

Responses are compared with those to the same query: what r says of one query beside another is not what it learnt of
choices, and hangs on its random head. Of single responses, which are rated, all are compared with all.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from shared.domain import AnsweredQuery, Check
from shared.settings import GateSettings
from shared.training.gate.evidence import Beside, Evidence, there
from shared.training.gate.spearman import interval, spearman


def check_rank(evidence: Evidence, live: Beside, settings: GateSettings) -> Check:
    """Rejected when the rank correlation with the live r is surely below its bound: its upper confidence bound is."""
    found, n = correlation(evidence.shadow, live.shadow, evidence.recent)
    if found is None:
        return Check("rank", True, f"no recent responses to compare it with r{live.version} on", {"correlation": None})
    upper = interval(found, n, settings.confidence)[1]
    said = f"rank correlation with r{live.version} {found:.2f} on recent responses"
    if upper < settings.rank:
        said += f", at most {upper:.2f} with {settings.confidence:.0%} confidence: below {settings.rank:g}"
    return Check("rank", upper >= settings.rank, said, {"correlation": found, "upper": upper, "pairs": n})


def check_length(evidence: Evidence, settings: GateSettings) -> Check:
    """Rejected when score and length are surely correlated beyond the bound, either way."""
    rows = [torch.tensor([len(tokens) for tokens in one.responses]) for one in evidence.recent]
    lengths = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True) if rows else torch.zeros(0, 1)
    found, n = correlation(evidence.shadow, lengths, evidence.recent)
    if found is None:
        return Check("length", True, "no recent responses of different length or score", {"correlation": None})
    least = interval(abs(found), n, settings.confidence)[0]
    said = f"rank correlation with length {found:.2f}"
    if least > settings.length:
        said += f", {least:.2f} or more with {settings.confidence:.0%} confidence: beyond {settings.length:g}"
    return Check("length", least <= settings.length, said, {"correlation": found, "least": least, "pairs": n})


def correlation(one: Tensor, other: Tensor, answered: Sequence[AnsweredQuery]) -> tuple[float | None, int]:
    """Rank correlation of two values (R, N) of each response, less their means over the query's responses.

    Where no query has several, of the values themselves. Beside it, of how many pairs: one less for each mean taken.
    """
    several = [len(query.responses) > 1 for query in answered]
    if not any(several):
        return spearman(one.flatten(), other.flatten()), one.numel()
    rows = torch.tensor(several)
    given = there(answered)[rows]
    a, b = (_centered(values[rows], given)[given] for values in (one, other))
    return spearman(a, b), int(given.sum()) - int(rows.sum())


def _centered(values: Tensor, given: Tensor) -> Tensor:
    """Less the mean of each row's given values; rounded, for differences in the last bit would part equal ranks."""
    known = values.double().masked_fill(~given, 0.0)
    return (known - (known.sum(-1) / given.sum(-1)).unsqueeze(-1)).round(decimals=9)
