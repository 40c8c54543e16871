"""What the loop needs next, from what the label store holds. Pure: counts decide, clocks don't.

The same state always gives the same messages, and a message names its work (`key`): planning twice changes nothing once
the store knows the job, and neither does a message that is lost or doubled.

    online    labels are asked for by l(n); r retrains as labels come; π goes on from segment to segment beside it.
    batched   in turn: collect labels, retrain r, train π for one segment. One labeler's run can be replayed.
    offline   batched with all labels first, and one reward training.

Where several people answer one query, its further answers are labels too when they come, but none is waited for: a lone
labeler will never give them. So a loop may end with some labels more than its budget.
"""

from shared.domain import LoopState, Schedule, Service
from shared.messages import (
    AnyMessage,
    PruneCheckpoints,
    PublishReference,
    SampleQueries,
    TrainPolicy,
    TrainReward,
)
from shared.settings import LabelSettings, Settings

FUTILE = 256  # queries tried in vain before the loop says that this policy cannot answer this task


def threshold(settings: LabelSettings, k: int) -> int:
    """Labels before reward training k (from 0): `initial`, then evenly up to `budget` at the last; one: `budget`.

    The paper trains before the first episode and 19 times more, at evenly spaced l(n), which runs from N0 to N:
    `retrainings` is 20, and with N0 = N / 20 training k has (k + 1) N / 20 labels (Ziegler et al. 2019, section 2.3).
    """
    last = settings.retrainings - 1
    if k >= last:
        return settings.budget
    return settings.initial + (settings.budget - settings.initial) * k // last


def thresholds(settings: Settings) -> tuple[int, ...]:
    """The label counts at which r is trained, each once, rising to the budget.

    Batched trains r at most once a segment: one more would train for a policy that is already done.
    """
    trainings = {
        Schedule.ONLINE: settings.labels.retrainings,
        Schedule.BATCHED: min(settings.labels.retrainings, -(-settings.ppo.episodes // _segment(settings))),
        Schedule.OFFLINE: 1,
    }[settings.schedule]
    labels = settings.labels.model_copy(update={"retrainings": trainings})
    return tuple(sorted({threshold(labels, k) for k in range(trainings)}))


def labels_by(settings: Settings, episodes: int) -> int:
    """Labels wanted by episode n: l(n) = N0 + (N - N0) (1 - (1 - n / N_π)^2), rounded up.

    Ziegler et al. 2019, section 2.3.
    """
    first, budget, planned = settings.labels.initial, settings.labels.budget, settings.ppo.episodes
    left = max(planned - episodes, 0)
    return budget - (budget - first) * left**2 // planned**2  # in whole numbers, so that every machine rounds alike


def labels_wanted(state: LoopState, settings: Settings) -> int:
    """Labels the loop cannot go on without. While no reward model is published: those of the next training."""
    counts = thresholds(settings)
    trained = state.reward_trainings if state.reward_version is None else 0
    if settings.schedule is Schedule.ONLINE:
        return max(labels_by(settings, state.episodes), counts[min(trained, len(counts) - 1)])
    return counts[min(max(_stage(state, settings), trained), len(counts) - 1)]


def finished(state: LoopState, settings: Settings) -> bool:
    """All planned episodes are published and r has had all its trainings."""
    return state.episodes >= settings.ppo.episodes and state.reward_trainings >= len(thresholds(settings))


def blocked(state: LoopState, settings: Settings) -> str | None:
    """Why the loop cannot go on without an operator, in words; None while it can. (A pause is not a block.)"""
    if state.failed:
        return f"{', '.join(state.failed)} failed at every attempt: the job's error says why"
    trainings = len(thresholds(settings))
    if state.reward_version is None and state.reward_trainings >= trainings:
        return (
            f"none of {trainings} reward trainings gave a sound model, so there is nothing to train a policy with: "
            "look at the labels and at why each was rejected, then ask for another with `prefloop retrain`"
        )
    tried = state.next_position - state.sampling
    if tried >= FUTILE and state.labels + state.open_queries == 0:
        return (
            f"none of {tried} queries got {settings.task.responses} responses with {settings.task.truncate_token!r} at "
            f"token {settings.task.truncate_after} or later: start a loop with another task.truncate_token, "
            "task.truncate_after or model.ref_policy"
        )
    return None


def plan(state: LoopState, settings: Settings) -> tuple[AnyMessage, ...]:
    """The messages to send now. None while paused, blocked or finished, and none for work that is already under way.

    What operators ask for (`retrain`, `prune`) is sent when the loop is finished or blocked too. Nothing new is sent to
    a service that is paused.
    """
    if state.paused:
        return ()
    messages = (*_asked_for(state), *_wanted(state, settings))
    return tuple(message for message in messages if Service(message.queue) not in state.services)


def _asked_for(state: LoopState) -> list[AnyMessage]:
    asked: list[AnyMessage] = []
    if state.prune is not None:
        asked.append(PruneCheckpoints(request=state.prune))
    if state.retrain is not None and not state.training_reward and state.policy_version is not None:
        asked.append(TrainReward(version=state.last_reward + 1, labels=0, request=state.retrain))
    return asked


def _wanted(state: LoopState, settings: Settings) -> list[AnyMessage]:
    if finished(state, settings) or blocked(state, settings) is not None:
        return []
    if state.policy_version is None:
        return [] if state.training_policy else [PublishReference()]
    return [
        *_sample(state, settings, state.policy_version),
        *_train_reward(state, settings),
        *_train_policy(state, settings, state.policy_version),
    ]


def _segment(settings: Settings) -> int:
    """Episodes of one segment."""
    return settings.ppo.segment_batches * settings.ppo.batch


def _stage(state: LoopState, settings: Settings) -> int:
    """Segments done."""
    return state.episodes // _segment(settings)


def _sample(state: LoopState, settings: Settings, policy_version: int) -> list[SampleQueries]:
    """Queries the newest policy shall answer, in jobs of at most `sampler.batch`."""
    online = settings.schedule is Schedule.ONLINE
    count = _missing_online(state, settings) if online else _missing_in_stage(state, settings)
    size = settings.sampler.batch
    return [
        SampleQueries(first=state.next_position + done, count=min(size, count - done), policy_version=policy_version)
        for done in range(0, count, size)
    ]


def _missing_in_stage(state: LoopState, settings: Settings) -> int:
    """All that the stage lacks. Once no job is under way: what the next ones are must not hang on which ends first."""
    if state.sampling:
        return 0
    return labels_wanted(state, settings) - state.labels - state.open_queries


def _missing_online(state: LoopState, settings: Settings) -> int:
    """Queries that bring the open ones up to the backlog, never beyond l(n) + backlog or the budget.

    (The paper's backlog is 1000: it asks for more where all requests so far are fewer than l(n) + 1000.)
    Asked for when half the backlog is gone, or the last of the budget: a job a query would waste the policy's batches.
    """
    backlog, budget = settings.sampler.backlog, settings.labels.budget
    ahead = state.open_queries + state.sampling
    left = budget - state.labels - ahead
    room = min(backlog - ahead, labels_wanted(state, settings) + backlog - state.labels - ahead, left)
    worth = min(settings.sampler.batch, (backlog + 1) // 2)
    return room if room >= worth or room == left else 0


def _train_reward(state: LoopState, settings: Settings) -> list[TrainReward]:
    counts, k = thresholds(settings), state.reward_trainings
    if state.training_reward or state.retrain is not None or k >= len(counts) or state.labels < counts[k]:
        return []
    if settings.schedule is not Schedule.ONLINE:
        if state.open_queries or state.sampling:
            return []  # further answers were quicker than the last first ones: all that was asked is answered first
        if k > _stage(state, settings) and state.reward_version is not None:
            return []  # this stage has its reward model: the policy's turn
    return [TrainReward(version=max(state.last_reward, k) + 1, labels=counts[k])]


def _train_policy(state: LoopState, settings: Settings, policy_version: int) -> list[TrainPolicy]:
    if state.training_policy or state.reward_version is None or state.episodes >= settings.ppo.episodes:
        return []
    if settings.schedule is Schedule.ONLINE:
        ready = state.labels >= labels_by(settings, state.episodes)
    else:  # stages beyond the last reward training keep its model
        ready = state.reward_trainings >= min(_stage(state, settings) + 1, len(thresholds(settings)))
    version = max(state.last_policy, policy_version) + 1  # after a rollback those of abandoned versions stay theirs
    return [TrainPolicy(version=version, parent=policy_version, reward_version=state.reward_version)] if ready else []
