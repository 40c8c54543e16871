"""Hypothesis without a stopwatch: the machine that runs these may be busy."""

import torch
from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
torch.set_num_threads(1)
