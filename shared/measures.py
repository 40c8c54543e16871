"""The figures of the loop under the field's names: what TensorBoard, W&B, MLflow and Prometheus know them by.

Our statistics of a PPO batch keep their own short keys in the store; those who are used to TRL and the papers look for
`objective/kl`. The one place that maps them; a Prometheus name is the field's with a prefix and underscores.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """`name`: the field's. `text`: help, with the unit."""

    name: str
    text: str

    @property
    def prometheus(self) -> str:
        return "prefloop_" + re.sub(r"\W", "_", self.name)


# By key of shared.training.ppo_segment.BatchStats: means over one batch.
BATCH = {
    "score": Measure("objective/scores", "Score by the reward model, before KL, of a response."),
    "reward": Measure("objective/rlhf_reward", "Score minus KL penalty, summed over a response."),
    "kl": Measure("objective/kl", "KL of policy and reference policy, nats a response."),
    "kl_coef": Measure("objective/kl_coef", "KL coefficient, score a nat."),
    "entropy": Measure("objective/entropy", "Entropy of the policy, nats a response."),
    "valid": Measure("val/valid_share", "Share of responses that end properly, 0 to 1."),
    "policy_loss": Measure("loss/policy_avg", "Clipped surrogate loss of the policy."),
    "value_loss": Measure("loss/value_avg", "Clipped squared error of the values."),
    "clipfrac": Measure("policy/clipfrac_avg", "Share of tokens whose ratio was clipped, 0 to 1."),
    "approxkl": Measure("policy/approxkl_avg", "KL of the policy before and after the batch, nats a token."),
    "value_clipfrac": Measure("val/clipfrac_avg", "Share of tokens whose value was clipped, 0 to 1."),
    "ratio": Measure("val/ratio", "Probability of the tokens drawn, new over old policy."),
    "var_explained": Measure("val/var_explained", "Share of the returns' variance that the values explain, at most 1."),
    "lr": Measure("lr", "Learning rate."),
    "seconds": Measure("seconds_per_batch", "Wall time of a batch, seconds."),
}
EPISODE = Measure("episode", "PPO episodes behind the newest batch.")

# Of versions, in the order in which they are made.
POLICY_VERSION = Measure("policy/version", "The live policy: newest, or rolled back to.")
REWARD_VERSION = Measure("reward/version", "The live reward model: newest that passed the gate, or rolled back to.")
REWARD_ACCURACY = Measure("reward/accuracy", "Share of held-out labels that it predicts, 0 to 1.")
REWARD_LABELS = Measure("reward/labels", "Labels that it was trained on.")
HUMAN_WIN_RATE = Measure("human/win_rate", "Share of labels that chose the policy's response over ρ's, 0 to 1.")
HUMAN_LABELS = Measure("human/win_rate_labels", "Labels behind the human win rate.")


def gate_figure(check: str, figure: str) -> str:
    """The name of a figure that the gate judged a reward model by."""
    return f"gate/{check}/{figure}"
