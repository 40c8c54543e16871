"""Is it as good as the live r on labels that neither was trained on?

Labels are held out by their query's position, for all versions alike. Of the newest ones too: the candidate was trained
on the others, and would win there by memory.
"""

from collections.abc import Sequence

from shared.domain import Check, LabeledQuery
from shared.questions.question import Question
from shared.settings import GateSettings
from shared.training.agreement import queries_chosen, queries_rated
from shared.training.gate.bootstrap import upper_bound
from shared.training.gate.evidence import Beside, Evidence
from shared.training.reward_training import AGREEMENTS

QUERIES = {"chosen_highest": queries_chosen, "rated_in_order": queries_rated}  # by the names in questions


def check_held_out(evidence: Evidence, live: Beside, question: Question, settings: GateSettings, *, seed: int) -> Check:
    """On all held-out labels."""
    return _check("held_out", range(len(evidence.labels)), evidence, live, question, settings, seed)


def check_newest(evidence: Evidence, live: Beside, question: Question, settings: GateSettings, *, seed: int) -> Check:
    """On those given since the live one was trained: what people say of the newest policies."""
    newest = [index for index, label in enumerate(evidence.labels) if label.label_id > live.watermark]
    return _check("newest", newest, evidence, live, question, settings, seed)


def _check(
    name: str,
    chosen: Sequence[int],
    evidence: Evidence,
    live: Beside,
    question: Question,
    settings: GateSettings,
    seed: int,
) -> Check:
    """Rejected when surely worse: the upper bound of its accuracy less the live one's is below 0."""
    which = question.compares if name == "held_out" else f"{question.compares} newer than r{live.version}"
    labels: list[LabeledQuery] = [evidence.labels[index] for index in chosen]
    agree = AGREEMENTS[question.agreement]
    ours, theirs = (agree(scores[list(chosen)], labels) for scores in (evidence.scores, live.scores))
    if not ours:
        return Check(name, True, f"no {which} to compare the two on", {"compared": 0})
    upper = upper_bound(
        [int(our) - int(their) for our, their in zip(ours, theirs, strict=True)],
        QUERIES[question.agreement](labels),
        resamples=settings.resamples,
        confidence=settings.confidence,
        seed=seed,
    )
    right, live_right = sum(ours), sum(theirs)
    said = f"{right} of {len(ours)} {which} right, r{live.version} {live_right}"
    if upper < 0:
        said += f": worse than r{live.version} by {-upper:.0%} or more with {settings.confidence:.0%} confidence"
    figures: dict[str, float | None] = {
        "correct": right,
        "live_correct": live_right,
        "compared": len(ours),
        "upper": upper,
    }
    return Check(name, upper >= 0, said, figures)
