"""How the loop is watched over: the gate, the guards, bounds, what is kept; and what may change while it runs."""

from pydantic import Field

from shared.settings.sections import Section

# What is read anew for each job, tick or lease, and of which no version, label or schedule hangs on the first value.
CHANGEABLE = (
    "labels.budget",
    "labels.overlap_share",
    "labels.evaluation_share",
    "labels.lease_seconds",
    "labels.comparison_share",
    "labels.gold_share",
    "labels.gold_least",
    "labels.gold_accuracy",
    "sampler.backlog",
    "sampler.staleness",
    "reward.batch",
    "reward.lr",
    "ppo.lr",
    "ppo.kl_target",
    "ppo.kl_horizon",
    "ppo.segment_batches",
    *(f"gate.{name}" for name in ("confidence", "calibration", "rank", "length", "shadow", "spread")),
    *(f"guards.{name}" for name in ("confidence", "window", "kl", "label_age")),
    *(f"freshness.{name}" for name in ("label_to_reward", "reward_to_policy", "policy_to_sample")),
    "keep.newest",
    "keep.every",
)


class GateSettings(Section):
    """What a trained r must pass before it may score an episode (shared/training/gate)."""

    confidence: float = Field(0.95, gt=0.5, lt=1, description="with which a candidate must be worse to be rejected")
    resamples: int = Field(2000, ge=100, description="of queries, in the paired bootstrap against the live r")
    calibration: float = Field(
        0.35, gt=0, le=1, description="greatest expected calibration error, above what chance makes of so few labels"
    )
    rank: float = Field(0.0, ge=-1, le=1, description="least rank correlation with the live r, where it is sure")
    length: float = Field(
        0.9, ge=0, le=1, description="greatest rank correlation of score and length, either way, where it is sure"
    )
    shadow: int = Field(64, ge=0, description="recent queries whose responses it scores in the shadow of the live r")
    spread: float = Field(10.0, gt=0, description="greatest mean shadow score, in standard deviations of ρ's")


class GuardSettings(Section):
    """When the loop stops itself (shared/guards). A labeler may always stop the line."""

    confidence: float = Field(0.99, gt=0.5, lt=1, description="with which something must be wrong")
    window: int = Field(60, ge=1, description="newest labels on evaluation queries that the human win rate is of")
    kl: float | None = Field(30.0, gt=0, description="nats a response, at most; none: no bound")
    label_age: int | None = Field(4, ge=1, description="policy versions behind the live one, at most; none: no bound")


class FreshnessSettings(Section):
    """Bounds of the three clocks, in seconds: beyond one the page says so. Nothing stops."""

    label_to_reward: float = Field(7200, gt=0, description="from a label to the r that was trained on it")
    reward_to_policy: float = Field(7200, gt=0, description="from a live r to the first policy trained with it")
    policy_to_sample: float = Field(600, gt=0, description="from a policy to the first query that it answered")


class KeepSettings(Section):
    """Which checkpoints `prune` leaves beside all that are in use."""

    newest: int = Field(3, ge=1, description="so many newest versions of policies and of reward models")
    every: int = Field(0, ge=0, description="and each version that this divides; 0: none beside the newest")


class TrackingSettings(Section):
    """Where curves are written beside the store. TensorBoard always."""

    wandb: str | None = Field(None, description="project of Weights & Biases (pip install 'prefloop[wandb]')")
    mlflow: str | None = Field(None, description="tracking address of MLflow (pip install 'prefloop[mlflow]')")
    otlp: str | None = Field(None, description="OTLP/HTTP address that traces go to (pip install 'prefloop[otel]')")
