"""Every job between services, declared once: ids and versions only, never text or weights.

`key` names the work, whatever attempt it is: two messages with one key are the same work sent twice.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    queue: ClassVar[str]
    timeout_seconds: ClassVar[int]

    @property
    def key(self) -> str:
        raise NotImplementedError


class PublishReference(Message):
    """Make ρ policy version 0: import the model, give it a value head, publish."""

    queue: ClassVar[str] = "ppo"
    timeout_seconds: ClassVar[int] = 900
    kind: Literal["publish_reference"] = "publish_reference"

    @property
    def key(self) -> str:
        return "policy-0"


class SampleQueries(Message):
    """Answer the task's queries `first` .. `first + count - 1` with a policy version and store the tuples."""

    queue: ClassVar[str] = "sampler"
    timeout_seconds: ClassVar[int] = 1800
    kind: Literal["sample_queries"] = "sample_queries"
    first: int
    count: int
    policy_version: int

    @property
    def key(self) -> str:
        return f"sample-{self.first}"


class TrainReward(Message):
    """Train reward version `version` from ρ on all labels there are; at least `labels` were there when planned.

    `request`: the action by which an operator asked for it; None: the plan wants it.
    """

    queue: ClassVar[str] = "reward_trainer"
    timeout_seconds: ClassVar[int] = 6 * 3600
    kind: Literal["train_reward"] = "train_reward"
    version: int
    labels: int
    request: int | None = None

    @property
    def key(self) -> str:
        return f"reward-{self.version}"


class TrainPolicy(Message):
    """One PPO segment: policy `version` from `parent`, with one pinned reward version."""

    queue: ClassVar[str] = "ppo"
    timeout_seconds: ClassVar[int] = 24 * 3600
    kind: Literal["train_policy"] = "train_policy"
    version: int
    reward_version: int
    parent: int = Field(default_factory=lambda data: data["version"] - 1)  # in jobs older than rollbacks it is missing

    @property
    def key(self) -> str:
        return f"policy-{self.version}"


class PruneCheckpoints(Message):
    """Remove the weights of old versions that nothing uses: an operator's action `request` asked for it."""

    queue: ClassVar[str] = "sampler"  # the least busy of those that reach the checkpoints
    timeout_seconds: ClassVar[int] = 900
    kind: Literal["prune_checkpoints"] = "prune_checkpoints"
    request: int

    @property
    def key(self) -> str:
        return f"prune-{self.request}"


AnyMessage = Annotated[
    PublishReference | SampleQueries | TrainReward | TrainPolicy | PruneCheckpoints, Field(discriminator="kind")
]
ADAPTER: TypeAdapter[AnyMessage] = TypeAdapter(AnyMessage)
