"""The one typed configuration: command line over environment (`PREFLOOP_PPO__LR`) over TOML over preset.

Imports no torch, so that `prefloop --help` is instant. Unknown keys are errors, in files and environment alike.
Only entry points build Settings; everything else is handed the part it needs.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr, ValidationError, model_validator

from shared.domain import LoopError, Schedule
from shared.questions.kinds import QUESTIONS
from shared.settings.operating import (
    CHANGEABLE,
    FreshnessSettings,
    GateSettings,
    GuardSettings,
    KeepSettings,
    TrackingSettings,
)
from shared.settings.sections import (
    LabelSettings,
    ModelSettings,
    PPOSettings,
    RewardSettings,
    SamplerSettings,
    Section,
    TaskSettings,
    WebSettings,
)

__all__ = [
    "CHANGEABLE",
    "PREFIX",
    "FreshnessSettings",
    "GateSettings",
    "GuardSettings",
    "KeepSettings",
    "LabelSettings",
    "ModelSettings",
    "PPOSettings",
    "RewardSettings",
    "SamplerSettings",
    "Section",
    "Settings",
    "TaskSettings",
    "TrackingSettings",
    "WebSettings",
    "load_settings",
    "merge",
    "to_environment",
    "validated",
]

PREFIX = "PREFLOOP_"


class Settings(Section):
    """Everything the loop can be told. Secrets (addresses with passwords, the operator's key) have no default."""

    name: str = "demo"
    seed: int = 1
    schedule: Schedule = Schedule.ONLINE
    database_url: SecretStr = SecretStr("")
    redis_url: SecretStr = SecretStr("")
    operator_key: SecretStr = SecretStr("")
    checkpoints: Path = Path("runs/demo/checkpoints")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    task: TaskSettings = TaskSettings()
    model: ModelSettings = ModelSettings()
    labels: LabelSettings = LabelSettings()
    sampler: SamplerSettings = SamplerSettings()
    reward: RewardSettings = RewardSettings()
    ppo: PPOSettings = PPOSettings()
    web: WebSettings = WebSettings()
    gate: GateSettings = GateSettings()
    guards: GuardSettings = GuardSettings()
    freshness: FreshnessSettings = FreshnessSettings()
    keep: KeepSettings = KeepSettings()
    tracking: TrackingSettings = TrackingSettings()

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.labels.initial > self.labels.budget:
            raise ValueError(
                f"labels.initial ({self.labels.initial}) is above labels.budget ({self.labels.budget}): lower it"
            )
        least, most = QUESTIONS[self.labels.kind].responses
        if not least <= self.task.responses <= most:
            raise ValueError(
                f"labels.kind ({self.labels.kind}) does not go with task.responses ({self.task.responses}): set "
                f"task.responses to {least if least == most else f'{least} to {most}'}, or choose another labels.kind"
            )
        if self.task.truncate_after >= self.task.response_tokens:
            raise ValueError(
                f"task.truncate_after ({self.task.truncate_after}) leaves no room in task.response_tokens "
                f"({self.task.response_tokens}): no response could ever be valid"
            )
        if self.ppo.batch % (self.ppo.minibatches * self.ppo.responses_per_query):
            raise ValueError(
                f"ppo.minibatches ({self.ppo.minibatches}) times ppo.responses_per_query "
                f"({self.ppo.responses_per_query}) does not divide ppo.batch ({self.ppo.batch})"
            )
        return self

    def changed(self, overrides: Mapping[str, Any]) -> "Settings":
        """These settings with others of CHANGEABLE, by dotted key, in their place.

        LoopError naming what may not change while the loop runs, and values that do not hold together.
        """
        if not overrides:
            return self
        data = self.model_dump()
        for key, value in overrides.items():
            if key not in CHANGEABLE:
                raise LoopError(f"{key} may not change while the loop runs: one of {', '.join(CHANGEABLE)} may")
            section, name = key.split(".")
            data[section][name] = value
        return validated(data)

    def without_secrets(self) -> dict[str, Any]:
        """The resolved settings as JSON data, to be stored with every checkpoint."""
        return self.model_dump(mode="json", exclude={"database_url", "redis_url", "operator_key"})


def load_settings(
    *,
    overrides: Mapping[str, str] | None = None,
    file: Path | None = None,
    preset: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Resolve the settings. `overrides` are dotted keys with text values, as given on the command line.

    Raises LoopError naming every unknown key or bad value and where it came from.
    """
    data: dict[str, Any] = {}
    merge(data, preset or {})
    if file is not None:
        merge(data, _read_toml(file))
    for name, text in sorted((os.environ if environ is None else environ).items()):
        if name.startswith(PREFIX):
            _put(data, name[len(PREFIX) :].lower().split("__"), text, source=name)
    for key, text in (overrides or {}).items():
        _put(data, key.split("."), text, source=f"--set {key}")
    return validated(data)


def validated(data: Mapping[str, Any]) -> Settings:
    """LoopError naming every field that is wrong, and its value."""
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'settings'}: {_explain(e)}" for e in error.errors()]
        raise LoopError("the settings do not hold together:\n" + "\n".join(lines)) from None


def to_environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, for a child process: `load_settings` there gives the same Settings."""
    data = settings.without_secrets()
    for secret in ("database_url", "redis_url", "operator_key"):
        data[secret] = getattr(settings, secret).get_secret_value()
    return {PREFIX + name: text for name, text in _flatten(data)}


def _flatten(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in data.items():
        if isinstance(value, dict):
            found += [(f"{key.upper()}__{name}", text) for name, text in _flatten(value)]
        else:
            found.append((key.upper(), "none" if value is None else str(value)))
    return found


def _explain(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "no such setting; `prefloop config` lists them"
    return f"{error['msg']} (got {error['input']!r})" if not isinstance(error["input"], dict) else str(error["msg"])


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise LoopError(f"settings file {file}: {error.strerror}; name a TOML file that can be read") from None
    except tomllib.TOMLDecodeError as error:
        raise LoopError(f"settings file {file} is not TOML: {error}") from None


def merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Lay `more` over `into`, section by section. "none", for which TOML has no value of its own, is None."""
    for key, value in more.items():
        if isinstance(value, Mapping):
            into[key] = dict(into[key]) if isinstance(into.get(key), dict) else {}
            merge(into[key], value)
        else:
            into[key] = _value(value)


def _value(given: Any) -> Any:
    return None if isinstance(given, str) and given.lower() == "none" else given


def _put(data: dict[str, Any], path: list[str], text: str, *, source: str) -> None:
    here = data
    for part in path[:-1]:
        here = here.setdefault(part, {})
        if not isinstance(here, dict):
            raise LoopError(f"{source}: {part} is a value, not a section")
    here[path[-1]] = _value(text)
