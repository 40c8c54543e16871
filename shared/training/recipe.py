"""What decides the outcome of pretraining beside the text. Imports no torch, so that a command's --help can read it."""

from dataclasses import dataclass

NEW_LR, TUNING_LR = 2e-3, 2e-4


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a policy is made of text. One that training goes on from keeps its own vocabulary, sizes and no dropout.

    `context`: tokens a row. `held_out`: texts set aside, at most a quarter of all. `batch`: rows a step. `lr` warms up
    over `warmup` steps, then falls by a cosine to a tenth; None: NEW_LR for a new policy, TUNING_LR otherwise.
    """

    vocab_size: int = 2048
    context: int = 160
    d: int = 256
    layers: int = 4
    heads: int = 8
    dropout: float = 0.0
    epochs: int = 6
    batch: int = 48
    lr: float | None = None
    warmup: int = 100
    weight_decay: float = 0.1
    held_out: int = 3000
    seed: int = 1
    threads: int = 2
    autocast: bool = True
