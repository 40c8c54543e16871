"""Seeds from names, so that every random choice depends on the run's seed and on counts, never on the clock."""

import hashlib
import random

import torch


def seed_of(*parts: object) -> int:
    """A 63-bit seed from the parts' text; the same on every machine (Python's own hash is salted)."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(device: torch.device, *parts: object) -> torch.Generator:
    """A torch generator on `device`, seeded by the parts."""
    return torch.Generator(device).manual_seed(seed_of(*parts))


def is_held_out(position: int, *, seed: int, share: float) -> bool:
    """Whether the labels of the query at `position` only measure accuracy. By query: none is on both sides."""
    return _chance(seed, "held out", position) < share


def is_overlapped(position: int, *, seed: int, share: float) -> bool:
    """Whether several people shall answer the query at `position`."""
    return _chance(seed, "overlapped", position) < share


def is_evaluation(position: int, *, seed: int, share: float) -> bool:
    """Whether ρ and π shall answer the query at `position` half each, for people to compare them."""
    return _chance(seed, "evaluation", position) < share


def _chance(*parts: object) -> float:
    return random.Random(seed_of(*parts)).random()
