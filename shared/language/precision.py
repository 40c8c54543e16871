"""bfloat16 where it pays: the trunk's matrix products. Parameters stay float32, heads and logprobs too."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D


@contextmanager
def half_linears(module: nn.Module, *, enabled: bool) -> Iterator[None]:
    """While the block runs, the linear layers hold bfloat16 copies of their weights.

    What autocast would cast at every call is cast once, to the same values: for a loop of many small steps. Within it
    nothing may be trained.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear | Conv1D)] if enabled else []
    masters = [(parameter, parameter.data) for layer in layers for parameter in layer.parameters(recurse=False)]
    try:
        for parameter, master in masters:
            parameter.data = master.to(torch.bfloat16)
        yield
    finally:
        for parameter, master in masters:
            parameter.data = master
