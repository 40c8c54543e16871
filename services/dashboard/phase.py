"""What the loop does now and what it waits for, in words. Pure: from what the store holds."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from shared import plan
from shared.domain import Job, JobState, LoopState, Stop
from shared.messages import ADAPTER, AnyMessage, PublishReference, SampleQueries, TrainPolicy, TrainReward
from shared.settings import Settings

Kind = Literal["working", "waiting", "paused", "failed", "finished"]


class Phase(BaseModel):
    kind: Kind
    headline: str = Field(description="what goes on, in a few words")
    doing: list[str] = Field(description="every unfinished job, and people, in words")
    waits_for: str | None = Field(description="what has to happen before the loop goes on; null: nothing in particular")


def phase(state: LoopState, settings: Settings, jobs: Sequence[Job], *, leases: int, stop: Stop | None = None) -> Phase:
    """`jobs`: the unfinished ones. `leases`: queries that people have before them right now. `stop`: of the line."""
    messages = [ADAPTER.validate_python(job.message) for job in jobs]
    doing = [
        _sentence(message, running=job.state is JobState.RUNNING) for job, message in zip(jobs, messages, strict=True)
    ]
    if leases:
        doing.append("1 person labels" if leases == 1 else f"{leases} people label")
    kind, headline = _headline(state, settings, messages, stop)
    return Phase(kind=kind, headline=headline, doing=doing, waits_for=_waits_for(kind, state, settings, stop))


def _headline(
    state: LoopState, settings: Settings, messages: Sequence[AnyMessage], stop: Stop | None
) -> tuple[Kind, str]:
    if plan.finished(state, settings):
        return "finished", "Finished"
    if plan.blocked(state, settings) is not None:
        return "failed", "Stopped"
    if stop is not None:
        return "paused", "Paused"
    for kind, headline in (
        (TrainPolicy, "Training the policy"),
        (TrainReward, "Training the reward model"),
        (PublishReference, "Importing the reference policy"),
    ):
        if any(isinstance(message, kind) for message in messages):
            return "working", headline
    if state.open_queries:
        return "waiting", "Collecting labels"
    if any(isinstance(message, SampleQueries) for message in messages):
        return "working", "Answering queries"
    return "waiting", "Starting" if state.policy_version is None else "Planning"


def _waits_for(kind: Kind, state: LoopState, settings: Settings, stop: Stop | None) -> str | None:
    if kind == "finished":
        return None
    if kind == "failed":
        return f"an operator: {plan.blocked(state, settings)}"
    if stop is not None:
        return f"an operator to resume: {stop.by} stopped the line ({stop.reason})"
    wanted = plan.labels_wanted(state, settings)
    if state.policy_version is None or state.training_policy or state.training_reward or state.labels >= wanted:
        return None
    missing = wanted - state.labels
    return f"{missing:,} more label{'s' if missing > 1 else ''}, {wanted:,} in all"


def _sentence(message: AnyMessage, *, running: bool) -> str:
    match message:
        case PublishReference():
            said = "import of the reference policy"
        case SampleQueries(first=first, count=count, policy_version=version):
            said = f"policy {version} answers queries {first} to {first + count - 1}"
        case TrainReward(version=version):
            said = f"training of reward model {version}"
        case TrainPolicy(version=version, reward_version=reward):
            said = f"training of policy {version} with reward model {reward}"
    return said if running else f"queued: {said}"
