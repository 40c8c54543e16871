"""All checks of a candidate, and what they come to."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from shared.domain import AnsweredQuery, Check, RewardStatus
from shared.questions.question import Question
from shared.settings import GateSettings, TaskSettings
from shared.training.gate.accuracy import check_accuracy
from shared.training.gate.calibration import check_calibration
from shared.training.gate.comparison import check_held_out, check_newest
from shared.training.gate.correlation import check_length, check_rank
from shared.training.gate.evidence import Evidence, Live, look
from shared.training.gate.finite import check_finite
from shared.training.gate.shadow import check_shadow
from shared.training.reward_training import RewardTraining
from shared.training.seeds import seed_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason`: why it was rejected, or how accurate it is. `shadow`: its scores (R, N) of recent responses."""

    status: RewardStatus
    reason: str
    checks: tuple[Check, ...]
    shadow: Tensor


def judge(
    training: RewardTraining,
    *,
    live: Live | None,
    recent: Sequence[AnsweredQuery],
    question: Question,
    settings: GateSettings,
    task_settings: TaskSettings,
    seed: int,
) -> Verdict:
    """Whether the candidate may score episodes. `live`: the r that does so now; `recent`: queries in its shadow.

    The same arguments give the same verdict.
    """
    evidence = look(training, live=live, recent=recent, task_settings=task_settings)
    return decide(evidence, question=question, settings=settings, seed=seed)


def decide(evidence: Evidence, *, question: Question, settings: GateSettings, seed: int) -> Verdict:
    """Reject where one check fails. Of a model that is not finite nothing else can be said."""
    checks = [check_finite(evidence)]
    if checks[0].passed:
        checks += _others(evidence, question, settings, seed_of(seed, "gate"))
    failed = [check for check in checks if not check.passed]
    if failed:
        return Verdict(RewardStatus.REJECTED, _joined(failed), tuple(checks), evidence.shadow)
    said = ("accuracy", "live") if evidence.live is None else ("held_out",)
    summary = [check for check in checks if check.name in said]
    return Verdict(RewardStatus.PUBLISHED, _joined(summary), tuple(checks), evidence.shadow)


def _others(evidence: Evidence, question: Question, settings: GateSettings, seed: int) -> list[Check]:
    checks = [check_accuracy(evidence, question, settings)]
    if evidence.live is None:
        checks.append(Check("live", True, "no live r to compare it with", {}))
    else:
        checks += [
            check_held_out(evidence, evidence.live, question, settings, seed=seed),
            check_newest(evidence, evidence.live, question, settings, seed=seed),
            check_rank(evidence, evidence.live, settings),
        ]
    if question.scale is None:  # a score for a rating is no probability
        checks.append(check_calibration(evidence, settings, seed=seed))
    return [*checks, check_length(evidence, settings), check_shadow(evidence, settings)]


def _joined(checks: Sequence[Check]) -> str:
    return "; ".join(check.said for check in checks)
