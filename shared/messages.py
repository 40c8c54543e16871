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
    """Train reward version `version` from ρ on all labels there are; at least `labels` were there when planned."""

    queue: ClassVar[str] = "reward_trainer"
    timeout_seconds: ClassVar[int] = 6 * 3600
    kind: Literal["train_reward"] = "train_reward"
    version: int
    labels: int

    @property
    def key(self) -> str:
        return f"reward-{self.version}"


class TrainPolicy(Message):
    """One PPO segment: policy `version` from its parent `version - 1`, with one pinned reward version."""

    queue: ClassVar[str] = "ppo"
    timeout_seconds: ClassVar[int] = 24 * 3600
    kind: Literal["train_policy"] = "train_policy"
    version: int
    reward_version: int

    @property
    def key(self) -> str:
        return f"policy-{self.version}"


AnyMessage = Annotated[PublishReference | SampleQueries | TrainReward | TrainPolicy, Field(discriminator="kind")]
ADAPTER: TypeAdapter[AnyMessage] = TypeAdapter(AnyMessage)
