"""One run of the experiment from start to end, in this process."""

import time
from collections.abc import Callable

from services.cli.experiment.grid import SAMPLED, TRAINED, Grid, Run
from services.cli.experiment.known import train_with_known_reward
from services.cli.experiment.loop import Loop, Memory
from services.cli.experiment.measure import measure
from services.cli.experiment.models import Models
from services.cli.experiment.result import Point, Result
from shared.training.machine import prepare


def perform(run: Run, grid: Grid, on_share: Callable[[float], None] = lambda _: None) -> Result:
    """Train π and measure it before the first segment and after each. `on_share`: how much is done, 0 to 1.

    LoopError where a run cannot come to its end: PPO diverges, or no reward model is sound.
    """
    start = time.perf_counter()
    settings, device = run.settings, prepare(run.settings.model)
    curve: list[Point] = []
    memory = Memory()

    def on_segment(models: Models, episodes: int, labels: int) -> None:
        reward, kl = measure(models, settings, queries=grid.queries, responses=grid.responses)
        curve.append(Point(episodes=episodes, labels=labels, known_reward=reward, kl=kl))

    if run.reward == "known":
        train_with_known_reward(
            settings, device, on_segment=on_segment, on_batch=lambda n, _: on_share(n / settings.ppo.episodes)
        )
    else:
        loop = Loop(settings, device, on_segment=on_segment, on_step=lambda memory: on_share(_done(memory) / run.cost))
        loop.run()
        memory = loop.memory
    return Result(
        reward=run.reward,
        labels=run.labels,
        seed=run.seed,
        condition=run.condition,
        settings=run.decisive(),
        queries=grid.queries,
        responses=grid.responses,
        curve=tuple(curve),
        trainings=tuple(memory.trainings),
        seconds=time.perf_counter() - start,
    )


def _done(memory: Memory) -> float:
    """In the unit of Run.cost."""
    trained = sum(training.labels for training in memory.trainings)
    return memory.episodes + SAMPLED * len(memory.labels) + TRAINED * trained
