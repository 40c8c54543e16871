"""Adam as TensorFlow 1 computes it, and the decay of its learning rate.

TensorFlow: theta -= lr_t m / (sqrt(v) + eps),  lr_t = lr sqrt(1 - beta2^t) / (1 - beta1^t)
PyTorch:    theta -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps')
They are the same update with eps' = eps / sqrt(1 - beta2^t).
"""

import math

from torch.optim import Adam

BETAS = (0.9, 0.999)
EPSILON = 1e-5


def set_tf_adam_eps(optimizer: Adam, step: int, *, eps: float = EPSILON) -> None:
    """Before step `step` (the first is 1): give each group the eps' above. Its betas stay as they are."""
    for group in optimizer.param_groups:
        group["eps"] = eps / math.sqrt(1.0 - group["betas"][1] ** step)


def linear_decay(lr: float, *, done: int, total: int) -> float:
    """The learning rate after `done` of `total` (steps or episodes): lr at first, 0 at the end, never below."""
    return lr * max(0.0, 1.0 - done / total)
