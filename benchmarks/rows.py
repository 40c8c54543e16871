"""The rows of the table: what is timed, ours and theirs side by side."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from benchmarks import flops, ours
from benchmarks.flops import Size, Tokens
from benchmarks.interleave import Variant
from benchmarks.shapes import (
    EPOCHS,
    QUERY,
    RESPONSE,
    RESPONSES,
    REWARD_QUERIES,
    REWARD_STEPS,
    SAMPLER_QUERIES,
    SHAPES,
    Shape,
    save_model,
)
from benchmarks.theirs import Baseline

DTYPES = {"float32": False, "bfloat16": True}  # whether we autocast


@dataclass(frozen=True, slots=True)
class Row:
    """A step of every variant does `per_step` of `unit`. `open` gives the variants and ends them again."""

    unit: str
    per_step: int
    rounds: int
    shape: Shape
    open: Callable[[Shape], AbstractContextManager[list[Variant]]]


def size_of(shape: Shape) -> Size:
    with torch.device("meta"):
        return flops.size_of(AutoModelForCausalLM.from_config(shape.config()))


@contextmanager
def ppo(shape: Shape) -> Iterator[list[Variant]]:
    """One batch of episodes, EPOCHS epochs over it; one response a query, and RESPONSES behind one shared query."""

    def work(responses: int) -> int:
        tokens = Tokens(shape.batch // responses, QUERY, responses, RESPONSE)
        return flops.ppo_step(size_of(shape), tokens, epochs=EPOCHS)

    with _saved(shape) as folder, ExitStack() as stack:
        mine = ours.PPO(shape, folder)
        variants = []
        for dtype, autocast in DTYPES.items():
            theirs = stack.enter_context(Baseline("ppo", shape.name, dtype))
            step = partial(mine.step, autocast=autocast)
            packed = f"prefloop, {RESPONSES} responses a query"
            variants += [
                Variant("TRL", dtype, True, theirs.step, work(1)),
                Variant("prefloop", dtype, False, partial(step, responses_per_query=1), work(1)),
                Variant(packed, dtype, False, partial(step, responses_per_query=RESPONSES), work(RESPONSES)),
            ]
        yield variants


@contextmanager
def sampler(shape: Shape) -> Iterator[list[Variant]]:
    """RESPONSES responses to each query."""
    work = flops.sampling(size_of(shape), Tokens(SAMPLER_QUERIES, QUERY, RESPONSES, RESPONSE))
    with _saved(shape) as folder, ExitStack() as stack:
        yield list(_pairs(stack, "sampler", "generate", ours.Sampler(shape, folder).step, shape, work, work))


@contextmanager
def reward(shape: Shape) -> Iterator[list[Variant]]:
    """Optimiser steps of r: ours on RESPONSES responses of each query, theirs on as many sequences in pairs."""

    def work(queries: int, responses: int) -> int:
        return flops.reward_step(size_of(shape), Tokens(REWARD_STEPS * queries, QUERY, responses, RESPONSE))

    theirs, mine = work(REWARD_QUERIES * RESPONSES, 1), work(REWARD_QUERIES, RESPONSES)
    with _saved(shape) as folder, ExitStack() as stack:
        yield list(_pairs(stack, "reward", "TRL", ours.Reward(shape, folder).step, shape, theirs, mine))


LLAMA, GPT2, SMALL = SHAPES["llama-24m"], SHAPES["gpt2-124m"], SHAPES["llama-1.3m"]
ROWS = {
    "ppo-llama-24m": Row("episodes", LLAMA.batch, 4, LLAMA, ppo),
    "ppo-gpt2-124m": Row("episodes", GPT2.batch, 2, GPT2, ppo),
    "ppo-llama-1.3m": Row("episodes", SMALL.batch, 10, SMALL, ppo),
    "sampler-llama-24m": Row("tokens", SAMPLER_QUERIES * RESPONSES * RESPONSE, 7, LLAMA, sampler),
    "reward-llama-24m": Row("queries of 4", REWARD_STEPS * REWARD_QUERIES, 5, LLAMA, reward),
}


def _pairs(
    stack: ExitStack,
    kind: str,
    name: str,
    step: Callable[..., float],
    shape: Shape,
    theirs: int,
    mine: int,
) -> Iterator[Variant]:
    """In each precision the baseline `name`, and ours; `theirs` and `mine` are the FLOP of either."""
    for dtype, autocast in DTYPES.items():
        baseline = stack.enter_context(Baseline(kind, shape.name, dtype))
        yield Variant(name, dtype, True, baseline.step, theirs)
        yield Variant("prefloop", dtype, False, partial(step, autocast=autocast), mine)


@contextmanager
def _saved(shape: Shape) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        save_model(shape, Path(folder))
        yield Path(folder)
