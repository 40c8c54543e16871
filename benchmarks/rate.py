"""What this machine multiplies in a second: the yardstick of the FLOP bound, measured in the run it is used in."""

import time

import torch

SIDE = 2048
REPEATS = 7


def matmul_rate(dtype: str) -> float:
    """FLOP a second of a SIDE x SIDE by SIDE x SIDE product in `dtype`; the best of REPEATS."""
    a, b = (torch.randn(SIDE, SIDE).to(getattr(torch, dtype)) for _ in range(2))
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return 2 * SIDE**3 / best
