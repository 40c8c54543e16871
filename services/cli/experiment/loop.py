"""The loop in one process: the services' plan and the functions they call, with memory in place of store and queues.

One labeler answers every query as soon as it is there, so all takes turns: sample and label, train r, move π. With one
seed and the batched schedule, labels and policies are those of the services with one labeler, bit for bit.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from services.cli.experiment.models import OnSegment, open_models
from services.cli.experiment.result import Training
from services.cli.known_reward import choose, rate
from shared import plan
from shared.domain import AnsweredQuery, LabeledQuery, LoopError, LoopState, NewQuery, RewardStatus
from shared.messages import AnyMessage, PublishReference, SampleQueries, TrainPolicy, TrainReward
from shared.questions.kinds import QUESTIONS
from shared.questions.question import Question
from shared.questions.shown import shown_order
from shared.settings import Settings
from shared.training.gate import Live, judge
from shared.training.ppo_segment import BatchStats, train_segment
from shared.training.reward_training import train_reward
from shared.training.sampling import sample_queries
from shared.training.trainer_state import new_state

LABELER = 3  # the id that services/cli/prepare.py gives the first simulated labeler: operator, labeler, simulated-1


@dataclass(slots=True)
class Memory:
    """What the label store would hold."""

    next_position: int = 0
    labels: list[LabeledQuery] = field(default_factory=list)
    trainings: list[Training] = field(default_factory=list)
    reward_version: int | None = None
    policy_version: int | None = None
    episodes: int = 0

    def state(self) -> LoopState:
        """No query waits and no job is under way whenever this is asked for."""
        return LoopState(
            labels=len(self.labels),
            open_queries=0,
            sampling=0,
            next_position=self.next_position,
            reward_trainings=len(self.trainings),
            reward_version=self.reward_version,
            policy_version=self.policy_version,
            episodes=self.episodes,
            training_reward=False,
            training_policy=False,
            paused=False,
        )


class Loop:
    """One loop. `on_step(memory)` is called whenever something was done, within a segment after each batch."""

    def __init__(
        self,
        settings: Settings,
        device: torch.device,
        *,
        on_segment: OnSegment = lambda *_: None,
        on_step: Callable[[Memory], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.memory = Memory()
        self.models = open_models(settings, device)
        self._trainer = new_state(self.models.policy, settings.ppo, device=device, seed=settings.seed)
        self._live: Live | None = None
        self._question = QUESTIONS[settings.labels.kind]
        self._on_segment = on_segment
        self._on_step = on_step

    def run(self) -> None:
        """From ρ to the last episode. LoopError where the plan finds nothing more to do before that."""
        while messages := plan.plan(self.memory.state(), self.settings):
            # The first kind only: what comes next is planned with what came of it, r before the segment that uses it.
            for message in messages:
                if message.queue == messages[0].queue:
                    self._do(message)
                    self._on_step(self.memory)
        if not plan.finished(self.memory.state(), self.settings):
            raise LoopError(f"the loop is blocked: {plan.blocked(self.memory.state(), self.settings)}")

    def _do(self, message: AnyMessage) -> None:
        match message:
            case PublishReference():
                self.memory.policy_version = 0
                self._on_segment(self.models, 0, 0)
            case SampleQueries():
                self._sample(message)
            case TrainReward():
                self._train_reward(message)
            case TrainPolicy():
                self._train_policy(message)

    def _sample(self, message: SampleQueries) -> None:
        version, labels = message.policy_version, self.settings.labels
        found = sample_queries(
            self.models.policy,
            self.models.ref_policy if version > 0 and labels.evaluation_share > 0 else None,
            self.models.task,
            first=message.first,
            count=message.count,
            policy_version=version,
            settings=self.settings.task,
            sampler=self.settings.sampler,
            labels=labels,
            seed=self.settings.seed,
        )
        self.memory.next_position = message.first + message.count
        self.memory.labels += [
            _label(query, label_id, version, self._question)
            for label_id, query in enumerate(found, len(self.memory.labels) + 1)
        ]

    def _train_reward(self, message: TrainReward) -> None:
        settings = self.settings
        training = train_reward(
            self.models.ref_policy,
            self.memory.labels,
            self.models.task,
            version=message.version,
            question=self._question,
            settings=settings.reward,
            task_settings=settings.task,
            held_out=settings.labels.held_out,
            seed=settings.seed,
        )
        newest = self.memory.labels[-settings.gate.shadow :] if settings.gate.shadow else []  # a query, a label
        verdict = judge(
            training,
            live=self._live,
            recent=[AnsweredQuery(label.position, label.tokens, label.responses) for label in newest],
            question=self._question,
            settings=settings.gate,
            task_settings=settings.task,
            seed=settings.seed,
        )
        self.memory.trainings.append(
            Training(
                version=message.version,
                labels=training.labels + training.held_out,
                held_out=training.held_out,
                accuracy=training.accuracy,
                status=verdict.status,
                reason=verdict.reason,
                verdict=verdict.checks,
            )
        )
        if verdict.status is RewardStatus.PUBLISHED:
            self.memory.reward_version = message.version
            model = training.model.eval().requires_grad_(False)
            self._live = Live(message.version, model, watermark=len(self.memory.labels))

    def _train_policy(self, message: TrainPolicy) -> None:
        if self._live is None:
            raise ValueError("the plan wants a segment before any reward model is published")
        train_segment(
            self.models.policy,
            self.models.ref_policy,
            self._live.model,
            self.models.task,
            self._trainer,
            settings=self.settings.ppo,
            task_settings=self.settings.task,
            on_batch=self._on_batch,
        )
        self.memory.policy_version = message.version
        self._on_segment(self.models, self.memory.episodes, len(self.memory.labels))

    def _on_batch(self, episodes: int, _: BatchStats) -> None:
        self.memory.episodes = episodes
        self._on_step(self.memory)


def _label(query: NewQuery, label_id: int, policy_version: int, question: Question) -> LabeledQuery:
    """What the simulated labeler says (services/cli/simulate.py), of texts that stand as they would on the page."""
    order = shown_order(len(query.responses), query.position, LABELER)
    texts = [query.responses[index].text for index in order]
    scale = question.scale
    return LabeledQuery(
        position=query.position,
        tokens=query.tokens,
        responses=tuple(response.tokens for response in query.responses),
        best=order[choose(texts)] if scale is None else None,
        label_id=label_id,
        policy_version=policy_version,
        rating=None if scale is None else rate(texts[0], levels=scale.levels),
    )
