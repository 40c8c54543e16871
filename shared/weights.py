"""From version numbers to loaded models: the store says where a version lies, the checkpoint is verified, then read."""

from pathlib import Path

import torch

from shared.checkpoints import Checkpoints
from shared.domain import LoopError, RewardStatus
from shared.language.policy import Policy, load_policy
from shared.language.reward_heads import RewardHeads, load_reward_heads
from shared.language.reward_model import RewardModel, load_reward_model
from shared.store import versions
from shared.store.database import Database


class Weights:
    """Loads policies and reward models by version, and keeps ρ and the policy used last.

    What `policy` returns is shared between callers: to train one, load your own with `policy_folder`.
    """

    def __init__(self, db: Database, checkpoints: Checkpoints, *, device: torch.device, autocast: bool) -> None:
        self._db = db
        self._checkpoints = checkpoints
        self._device = device
        self._autocast = autocast
        self._kept: dict[int, Policy] = {}
        self._ensembles: dict[int, tuple[RewardModel, RewardHeads] | None] = {}

    def policy_folder(self, version: int) -> Path:
        """The verified folder of a policy version. Raises LoopError where there is none or it is damaged."""
        found = versions.policy(self._db, version)
        if found is None:
            raise LoopError(f"policy version {version} is not in the store")
        if found.pruned_at is not None:
            raise LoopError(f"policy version {version} was pruned: its weights are gone, name another version")
        return self._checkpoints.verify(found.path, found.sha256)

    def policy(self, version: int) -> Policy:
        if version not in self._kept:
            loaded = self.load(self.policy_folder(version)).eval().requires_grad_(False)
            self._kept = {number: kept for number, kept in self._kept.items() if 0 in (number, version)}
            self._kept[version] = loaded
        return self._kept[version]

    def load(self, folder: Path) -> Policy:
        """A policy of your own from a folder, on the worker's device."""
        policy = load_policy(folder).to(self._device)
        policy.autocast = self._autocast
        return policy

    def reward_model(self, version: int) -> RewardModel:
        """One that passed the gate. LoopError where it did not, or is damaged."""
        return self.load_reward_model(self._reward_folder(version))

    def load_reward_model(self, folder: Path) -> RewardModel:
        """A reward model from a folder, on the worker's device: whether it may score episodes is not asked."""
        model = load_reward_model(folder).to(self._device)
        model.autocast = self._autocast
        return model.eval().requires_grad_(False)

    def ensemble(self, version: int) -> tuple[RewardModel, RewardHeads] | None:
        """A reward model that passed the gate, and the heads trained beside it; None where there are none.

        Keeps the one used last.
        """
        if version not in self._ensembles:
            heads = load_reward_heads(self._reward_folder(version))
            self._ensembles = {version: None if heads is None else (self.reward_model(version), heads.to(self._device))}
        return self._ensembles[version]

    def _reward_folder(self, version: int) -> Path:
        found = versions.reward(self._db, version)
        if found is None:
            raise LoopError(f"reward version {version} is not in the store")
        if found.pruned_at is not None:
            raise LoopError(f"reward version {version} was pruned: its weights are gone, name another version")
        if found.status is not RewardStatus.PUBLISHED:
            raise LoopError(
                f"reward version {version} was {found.status} by the gate ({found.reason}), so it scores nothing: "
                "name a published one, or retrain"
            )
        return self._checkpoints.verify(found.path, found.sha256)
