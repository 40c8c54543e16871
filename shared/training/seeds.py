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
    return random.Random(seed_of(seed, "held out", position)).random() < share
