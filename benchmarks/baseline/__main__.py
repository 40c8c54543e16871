"""One long-lived process that does one step of one thing whenever it is told to. OMP_NUM_THREADS says its threads."""

import sys

from benchmarks.baseline import ppo, reward, sampler
from benchmarks.baseline.turns import Turns
from benchmarks.shapes import SHAPES

KINDS = {"ppo": ppo.run, "sampler": sampler.run, "reward": reward.run}


def main() -> None:
    kind, shape, dtype = sys.argv[1:]
    KINDS[kind](SHAPES[shape], dtype, Turns())


main()
