"""Weights & Biases (`tracking.wandb`, `pip install 'prefloop[wandb]'`): one run a loop, online or offline.

W&B numbers what it is given: a run that is taken up again says from which number on. Offline (WANDB_MODE=offline) it
cannot say, so a start writes all points anew and removes what earlier ones left: `wandb sync` sends the last one.
"""

import os
import shutil
from collections.abc import Sequence
from typing import Any

from services.recorder.points import Point
from services.recorder.sinks.sink import Identity
from shared.domain import LoopError
from shared.measures import EPISODE

SECONDS = 20.0  # to begin a run


class WeightsAndBiases:
    def __init__(self, project: str, loop: Identity) -> None:
        folder = loop.folder / "wandb"
        for name in ("CACHE_DIR", "CONFIG_DIR", "DATA_DIR"):
            os.environ.setdefault(f"WANDB_{name}", str(folder / name.removesuffix("_DIR").lower()))
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        try:
            import wandb
        except ImportError:
            raise LoopError("tracking.wandb is set, but W&B is not installed: pip install 'prefloop[wandb]'") from None
        self._wandb = wandb
        self._project = project
        self._loop = loop
        self._run: Any = None

    def open(self) -> int:
        loop = self._loop
        self.close()
        for old in (loop.folder / "wandb").glob(f"offline-run-*-{loop.id}"):
            shutil.rmtree(old)
        quiet = self._wandb.Settings(
            silent=True,
            console="off",
            init_timeout=SECONDS,
            disable_code=True,
            disable_git=True,
            x_disable_machine_info=True,
            x_disable_stats=True,
            x_save_requirements=False,
        )
        loop.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._run = self._wandb.init(
                project=self._project,
                name=loop.name,
                id=loop.id,
                resume="allow",
                dir=loop.folder,
                config=loop.settings,
                settings=quiet,
            )
        except (self._wandb.Error, OSError) as error:
            raise LoopError(
                f"W&B does not take the curves ({error}): set WANDB_API_KEY, or WANDB_MODE=offline to send them later"
            ) from None
        self._run.define_metric("*", step_metric=EPISODE.name)
        return int(self._run.step)

    def write(self, first: int, points: Sequence[Point]) -> None:
        try:
            for number, point in enumerate(points, first):
                if not point.empty:
                    self._run.log(self._row(point), step=number, commit=True)
        except self._wandb.Error as error:
            raise LoopError(f"W&B does not take the curves: {error}") from None

    def _row(self, point: Point) -> dict[str, Any]:
        row: dict[str, Any] = {**point.scalars, EPISODE.name: point.episodes, "_timestamp": point.at.timestamp()}
        if point.texts:
            row["texts"] = self._wandb.Table(["name", "text"], [list(text) for text in point.texts.items()])
        return row

    def close(self) -> None:
        if self._run is not None:
            self._run.finish()
            self._run = None
