"""MLflow (`tracking.mlflow`, `pip install 'prefloop[mlflow]'`): one run a loop, found again by a tag.

Points go there in batches, each with how many there are then, which the tracking server takes whole or not at all.
"""

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from services.recorder.points import Point
from services.recorder.sinks.sink import Identity
from shared.domain import LoopError
from shared.measures import EPISODE

TAG = "prefloop.loop"
RECORDED = "recorded"  # how many points the run has
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}  # we try again by ourselves


class MLflow:
    def __init__(self, address: str, loop: Identity) -> None:
        for name, value in {
            **PATIENCE,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_CONFIGURE_LOGGING": "false",
        }.items():
            os.environ.setdefault(name, value)
        try:
            import mlflow
            from mlflow.entities import Metric
        except ImportError:
            raise LoopError(
                "tracking.mlflow is set, but MLflow is not installed: pip install 'prefloop[mlflow]'"
            ) from None
        self._metric = Metric
        self._errors = (mlflow.MlflowException, OSError)
        self._address = address
        self._loop = loop
        self._client = mlflow.MlflowClient(address)
        self._run = ""

    def open(self) -> int:
        try:
            run = self._find()
        except self._errors as error:
            raise LoopError(f"MLflow does not answer: {error}; check tracking.mlflow") from None
        self._run = run.info.run_id
        return int(run.data.metrics.get(RECORDED, 0))

    def write(self, first: int, points: Sequence[Point]) -> None:
        count = first + len(points)
        metrics = [
            self._metric(name, value, int(point.at.timestamp() * 1000), point.episodes)
            for point in points
            if not point.empty
            for name, value in {**point.scalars, EPISODE.name: point.episodes}.items()
        ]
        metrics.append(self._metric(RECORDED, count, int(points[-1].at.timestamp() * 1000), count))
        try:
            for point in points:
                for name, text in point.texts.items():  # the same file again does no harm
                    self._client.log_text(self._run, text, f"{name}/{point.key}.md")
            self._client.log_batch(self._run, metrics=metrics)
        except self._errors as error:
            raise LoopError(f"MLflow does not take the curves: {error}; check tracking.mlflow") from None

    def close(self) -> None:
        """The run stays open: the loop may go on."""

    def _find(self) -> Any:
        experiment = self._client.get_experiment_by_name(self._loop.name)
        if experiment is None:
            served = urlsplit(self._address).scheme in ("http", "https")
            files = None if served else (self._loop.folder / "mlflow").absolute().as_uri()
            experiment_id = self._client.create_experiment(self._loop.name, files)
        else:
            experiment_id = experiment.experiment_id
        runs = self._client.search_runs([experiment_id], f"tags.`{TAG}` = '{self._loop.id}'")
        if runs:
            return runs[0]
        run = self._client.create_run(experiment_id, tags={TAG: self._loop.id}, run_name=self._loop.id)
        for section, values in self._loop.settings.items():
            self._client.log_param(run.info.run_id, section, str(values)[:500])
        return run
