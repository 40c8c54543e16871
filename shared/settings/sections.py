"""The loop's settings, section by section: the task, the models, labels, sampling, training, the web."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain import LabelKind, TaskName


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskSettings(Section):
    """Where queries come from and what a valid response is (algorithm.md, Tasks)."""

    name: TaskName = Field("sentiment", description="sentiment, descriptiveness, tldr or cnndm")
    queries: str | None = Field(
        None, description=".txt, .jsonl, .parquet, or datasets:NAME[:CONFIG[:SPLIT]]; none: the openings in the package"
    )
    column: str | None = Field(None, description="of these, the one with the text; none: the task's own")
    query_tokens: int = Field(32, ge=1, description="longest query; shorter ones are padded on the left")
    response_tokens: int = Field(24, ge=1, description="fixed response length")
    responses: int = Field(4, ge=1, le=8, description="responses a query, N")
    temperature: float = Field(0.7, gt=0, description="divides the logits everywhere")
    truncate_token: str = Field(".", description="the response ends after the first of these from truncate_after on")
    truncate_after: int = Field(16, ge=0, description="index of the first token that may end a response")


class ModelSettings(Section):
    ref_policy: str = Field("embedded", description="`embedded`, a folder, or a name that transformers opens")
    device: str = Field("auto", description="auto, cpu or cuda")
    threads: int = Field(1, ge=1, description="torch threads of each worker; more than the cores is many times slower")
    autocast: bool = Field(True, description="bfloat16 autocast of the trunk; heads and logprobs stay float32")


class LabelSettings(Section):
    kind: LabelKind = Field(LabelKind.BEST_OF, description="best_of: of 2 to 8 task.responses; pairwise: 2; rating: 1")
    budget: int = Field(1200, ge=1, description="labels wanted by the end of training, N")
    initial: int = Field(300, ge=1, description="labels before the first reward training, N0")
    retrainings: int = Field(6, ge=1, description="trainings of r, evenly over the labels; batched: <= 1 a segment")
    held_out: float = Field(0.15, ge=0, lt=1, description="share of queries whose labels only measure accuracy")
    overlap_share: float = Field(0.05, ge=0, le=1, description="share of queries that several people answer")
    overlap: int = Field(5, ge=1, description="how many people answer those; fewer where there are fewer")
    evaluation_share: float = Field(0.05, ge=0, le=1, description="share of queries that ρ and π answer half each")
    lease_seconds: int = Field(300, ge=1, description="a lease not answered by then goes to somebody else")
    order: Literal["position", "disagreement"] = Field(
        "position", description="of the newest policy's queries: as sampled, or where reward.heads disagree most first"
    )
    comparison_share: float = Field(0.5, ge=0, le=1, description="share of questions of `prefloop compare`, while any")
    gold_share: float = Field(0.05, ge=0, le=1, description="share of questions whose answer is known, where any are")
    gold_least: int = Field(10, ge=1, description="gold answers before a labeler is judged by them")
    gold_accuracy: float = Field(0.5, ge=0, le=1, description="labelers surely below this share of right ones pause")
    guidelines: Path | None = Field(None, description="text file for labelers; none: the task's own")


class SamplerSettings(Section):
    backlog: int = Field(64, ge=1, description="open queries to keep ahead of the labelers")
    batch: int = Field(32, ge=1, description="queries a sampling job, written in one transaction")
    rounds: int = Field(12, ge=1, description="tries a query at responses that end properly, before it is passed over")
    staleness: int = Field(3, ge=0, description="policy versions after which an unanswered query retires")


class RewardSettings(Section):
    batch: int = Field(8, ge=1, description="queries a step")
    lr: float = Field(5e-4, gt=0, description="decays linearly to 0 over the epoch")
    heads: int = Field(8, ge=2, description="small heads whose disagreement orders queries, see labels.order")
    normalize_samples: int = Field(256, ge=2, description="responses of ρ whose scores become mean 0, std 1")


class PPOSettings(Section):
    episodes: int = Field(4608, ge=1, description="planned episodes, N_π; lr decays linearly to 0 over them")
    batch: int = Field(64, ge=8, description="episodes a batch; whitening wants at least 8")
    segment_batches: int = Field(12, ge=1, description="batches a job, with one pinned reward version")
    responses_per_query: int = Field(4, ge=1, description="responses a query in a batch, read as one; the paper's is 1")
    epochs: int = Field(4, ge=1)
    minibatches: int = Field(1, ge=1)
    lr: float = Field(5e-5, gt=0)
    cliprange: float = Field(0.2, gt=0)
    cliprange_value: float = Field(0.2, gt=0)
    vf_coef: float = Field(0.1, ge=0)
    gamma: float = Field(1.0, ge=0, le=1)
    lam: float = Field(0.95, ge=0, le=1)
    whiten_rewards: bool = True
    invalid_score: float = Field(-1.0, description="the score of a response without a proper end (replaced)")
    kl_coef: float = Field(0.2, ge=0, description="β at the start, or always where kl_target is None")
    kl_target: float | None = Field(6.0, gt=0, description="nats a response; None keeps β fixed")
    kl_horizon: float = Field(1000, gt=0, description="episodes; the paper's 10,000 are for loops of 2 million")


class WebSettings(Section):
    host: str = "127.0.0.1"
    labeling_port: int = Field(8080, ge=0, le=65535)
    labeling_workers: int = Field(1, ge=1, description="processes of the labeling service, which share its port")
    dashboard_port: int = Field(8081, ge=0, le=65535)
    requests_per_minute: int = Field(3000, ge=1, description="of one account at one process; beyond it 429")
    sign_ins_per_minute: int = Field(20, ge=1, description="tries of one address at one process; beyond it 429")
