"""From a command's options to Settings: --set over environment over --config over --preset over the run's last ones."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from services.cli.folder import RunFolder
from shared.domain import LoopError, TaskName
from shared.settings import Settings, TaskSettings, load_settings, merge
from shared.tasks.sources import NAMED

PRESETS = Path(__file__).parent / "presets"
PUBLISHED = ("paper", "released")  # presets that differ by task and have published.toml in common
FAMILIES: Mapping[TaskName, str] = {
    "sentiment": "style",
    "descriptiveness": "style",
    "tldr": "summaries",
    "cnndm": "summaries",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says of the loop; None and empty where it says nothing."""

    config: Path | None = None
    preset: str | None = None
    task: TaskName | None = None
    model: str | None = None
    schedule: str | None = None
    seed: int | None = None
    labeling_port: int | None = None
    dashboard_port: int | None = None
    set: tuple[str, ...] = ()

    def overrides(self) -> dict[str, str]:
        """Dotted keys with text values. A --set wins over an option of its own name."""
        named = {
            "task.name": self.task,
            "model.ref_policy": self.model,
            "schedule": self.schedule,
            "seed": self.seed,
            "web.labeling_port": self.labeling_port,
            "web.dashboard_port": self.dashboard_port,
        }
        found = {key: str(value) for key, value in named.items() if value is not None}
        for pair in self.set:
            key, separator, value = pair.partition("=")
            if not separator or not key:
                raise LoopError(f"--set {pair}: expected KEY=VALUE, as in --set ppo.lr=1e-4")
            found[key] = value
        return found


def settings_for(folder: RunFolder | None, options: Options, *, defaults: Mapping[str, Any] | None = None) -> Settings:
    """The settings of a run; without a folder, those a new one would get. LoopError for unknown keys and bad values.

    `defaults`: what stands in place of the settings' own defaults.
    """
    base: dict[str, Any] = dict(defaults or {})
    if folder is not None:
        base = {"name": folder.path.name, **folder.stored_settings(), "checkpoints": str(folder.checkpoints)}
    task: TaskName = options.task or base.get("task", {}).get("name") or TaskSettings().name
    if options.preset is not None or options.task is not None:
        merge(base, preset(options.preset, task))
    settings = load_settings(overrides=options.overrides(), file=options.config, preset=base)
    if options.preset in PUBLISHED and settings.task.name != task:
        raise LoopError(
            f"task.name is {settings.task.name}, but preset {options.preset} was taken for {task}: "
            f"say --task {settings.task.name} beside --preset"
        )
    return _absolute(settings)


def preset_settings(name: str, task: TaskName) -> Settings:
    """The settings of a preset by itself, whatever the environment says."""
    return _absolute(load_settings(preset=preset(name, task), environ={}))


def preset(name: str | None, task: TaskName) -> dict[str, Any]:
    """What a preset says of a task, over the defaults, which are the demo's.

    The demo's sizes are for style tasks; where it is told of another, it takes what all presets say of that one.
    """
    common, groups = _toml("published"), (FAMILIES[task], task)
    own = _toml(name) if name else {}
    layers: list[Mapping[str, Any]] = []
    if name in PUBLISHED:
        layers = [_without_groups(common), *(common.get(group, {}) for group in groups)]
    elif FAMILIES[task] != FAMILIES[TaskSettings().name]:
        layers = [common.get(group, {}) for group in groups]
    found: dict[str, Any] = {}
    for layer in [*layers, _without_groups(own), *(own.get(group, {}) for group in groups), {"task": {"name": task}}]:
        merge(found, layer)
    return found


def _without_groups(file: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in file.items() if key not in (*FAMILIES, *FAMILIES.values())}


@cache
def _toml(name: str) -> Mapping[str, Any]:
    return tomllib.loads((PRESETS / f"{name}.toml").read_text(encoding="utf-8"))


def _absolute(settings: Settings) -> Settings:
    """Files and folders by their full path: the run may go on from another working directory."""
    model, task, labels = settings.model, settings.task, settings.labels
    named = Path(model.ref_policy).expanduser()
    if named.is_dir():
        model = model.model_copy(update={"ref_policy": str(named.resolve())})
    elif model.ref_policy.startswith((".", "/", "~")):
        raise LoopError(f"model.ref_policy {model.ref_policy}: no such folder; name one that holds a causal LM")
    if task.queries is not None and not task.queries.startswith(NAMED):
        task = task.model_copy(update={"queries": str(Path(task.queries).expanduser().resolve())})
    if labels.guidelines is not None:
        guidelines = labels.guidelines.expanduser().resolve()
        if not guidelines.is_file():
            raise LoopError(f"labels.guidelines {guidelines}: no such file; name a text file for labelers")
        labels = labels.model_copy(update={"guidelines": guidelines})
    checkpoints = settings.checkpoints.expanduser().resolve()
    return settings.model_copy(update={"model": model, "task": task, "labels": labels, "checkpoints": checkpoints})
