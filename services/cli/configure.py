"""From a command's options to Settings: --set over environment over --config over --preset over the run's last ones."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.cli.folder import RunFolder
from shared.domain import LoopError
from shared.settings import Section, Settings, load_settings

PRESETS = Path(__file__).parent / "presets"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says of the loop; None and empty where it says nothing."""

    config: Path | None = None
    preset: str | None = None
    model: str | None = None
    schedule: str | None = None
    seed: int | None = None
    labeling_port: int | None = None
    dashboard_port: int | None = None
    set: tuple[str, ...] = ()

    def overrides(self) -> dict[str, str]:
        """Dotted keys with text values. A --set wins over an option of its own name."""
        named = {
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


def settings_for(folder: RunFolder | None, options: Options) -> Settings:
    """The settings of a run; without a folder, those a new one would get. LoopError for unknown keys and bad values."""
    base: dict[str, Any] = {}
    if folder is not None:
        base = {"name": folder.path.name, **folder.stored_settings(), "checkpoints": str(folder.checkpoints)}
    settings = load_settings(
        overrides=options.overrides(), file=options.config, preset=_over(base, _preset(options.preset))
    )
    return _absolute(settings)


def describe(settings: Settings) -> str:
    """Every setting with its value and meaning, a line each, as TOML that --config would take."""
    lines: list[str] = []
    sections: list[tuple[str, Section]] = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, Section):
            sections.append((name, value))
        elif name not in ("database_url", "redis_url", "operator_key"):
            lines.append(_line(name, value, field.description))
    for name, section in sections:
        lines += ["", f"[{name}]"]
        lines += [_line(key, getattr(section, key), f.description) for key, f in type(section).model_fields.items()]
    return "\n".join(lines)


def _line(name: str, value: object, description: str | None) -> str:
    if value is None:
        text = f"# {name} is none"
    elif isinstance(value, bool):
        text = f"{name} = {str(value).lower()}"
    elif isinstance(value, int | float):
        text = f"{name} = {value}"
    else:
        escaped = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        text = f'{name} = "{escaped}"'
    return f"{text:<40}# {description}" if description else text


def _preset(name: str | None) -> dict[str, Any]:
    return {} if name is None else tomllib.loads((PRESETS / f"{name}.toml").read_text(encoding="utf-8"))


def _over(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in more.items():
        merged[key] = {**base.get(key, {}), **value} if isinstance(value, Mapping) else value
    return merged


def _absolute(settings: Settings) -> Settings:
    """Files and folders by their full path: the run may go on from another working directory."""
    model, task = settings.model, settings.task
    named = Path(model.ref_policy).expanduser()
    if named.is_dir():
        model = model.model_copy(update={"ref_policy": str(named.resolve())})
    elif model.ref_policy.startswith((".", "/", "~")):
        raise LoopError(f"model.ref_policy {model.ref_policy}: no such folder; name one that holds a causal LM")
    if task.queries is not None:
        task = task.model_copy(update={"queries": task.queries.expanduser().resolve()})
    checkpoints = settings.checkpoints.expanduser().resolve()
    return settings.model_copy(update={"model": model, "task": task, "checkpoints": checkpoints})
