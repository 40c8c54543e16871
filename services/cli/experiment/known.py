"""The known reward as a reward model: PPO trained with what the labelers prefer by, so that nothing has to be learnt.

The paper's yardstick for rewards learnt from labels (Ziegler et al. 2019, section 3.1.1).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from services.cli.experiment.models import OnSegment, open_models
from services.cli.known_reward import known_reward
from shared.domain import LoopError
from shared.language.tokens import Tokenizer
from shared.settings import Settings
from shared.training.ppo_segment import BatchStats, train_segment
from shared.training.reward_training import normalize
from shared.training.trainer_state import new_state


class KnownReward:
    """score = gain * (known reward of the response's text) + bias: the interface of RewardModel, without weights."""

    def __init__(self, tokenizer: Tokenizer, device: torch.device) -> None:
        self._tokenizer = tokenizer
        self.gain = torch.ones((), device=device)
        self.bias = torch.zeros((), device=device)

    def score(self, query: Tensor, query_mask: Tensor, response: Tensor, length: Tensor) -> Tensor:
        """response (B, N, T), of which the first length (B, N) tokens are there -> (B, N)."""
        del query, query_mask  # sentiment is of the response alone
        rows, sizes = response.flatten(0, -2).tolist(), length.flatten().tolist()
        rewards = [known_reward(self._tokenizer.decode(row[:n])) for row, n in zip(rows, sizes, strict=True)]
        return self.gain * torch.tensor(rewards, device=self.gain.device).view(length.shape) + self.bias


def train_with_known_reward(
    settings: Settings, device: torch.device, *, on_segment: OnSegment, on_batch: Callable[[int, BatchStats], None]
) -> None:
    """All planned episodes with the known reward, normalised on ρ's samples like r is, so that β means the same."""
    models = open_models(settings, device)
    reward_model = KnownReward(models.ref_policy.tokenizer, device)
    try:
        normalize(
            reward_model,
            models.ref_policy,
            models.task,
            settings=settings.reward,
            task_settings=settings.task,
            seed=settings.seed,
        )
    except ValueError as error:
        raise LoopError(
            f"the known reward cannot tell what {settings.model.ref_policy} says apart ({error}): choose a model that "
            "writes English"
        ) from None
    state = new_state(models.policy, settings.ppo, device=device, seed=settings.seed)
    on_segment(models, 0, 0)
    while state.episodes < settings.ppo.episodes:
        train_segment(
            models.policy,
            models.ref_policy,
            reward_model,
            models.task,
            state,
            settings=settings.ppo,
            task_settings=settings.task,
            on_batch=on_batch,
        )
        on_segment(models, state.episodes, 0)
