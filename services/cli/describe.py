"""Settings as TOML that people read and --config takes: all of them, or where they part from a preset."""

import json
from collections.abc import Iterator

from shared.settings import Section, Settings

SECRETS = ("database_url", "redis_url", "operator_key")
COMMENT = 40  # the column of a line's comment, where the setting leaves room


def describe(settings: Settings) -> str:
    """Every setting with its value and meaning, a line each."""
    return _as_toml((where, _line(key, value, meaning)) for where, key, value, meaning in _entries(settings))


def differences(settings: Settings, other: Settings, *, name: str) -> str:
    """The settings whose values are not those of `other`, which stand behind them under its `name`."""
    theirs = {(where, key): value for where, key, value, _ in _entries(other)}
    header = f"# {settings.task.name}: what differs from preset {name}, whose values stand behind"
    return f"{header}\n" + _as_toml(
        (where, _line(key, value, f"{name}: {_text(theirs[where, key])}"))
        for where, key, value, _ in _entries(settings)
        if value != theirs[where, key]
    )


def _entries(settings: Settings) -> Iterator[tuple[str, str, object, str | None]]:
    """Section ("" for none), key, value and meaning of every setting that is no secret; those without section first."""
    fields = [name for name in Settings.model_fields if name not in SECRETS]
    sections = [name for name in fields if isinstance(getattr(settings, name), Section)]
    for name in fields:
        if name not in sections:
            yield "", name, getattr(settings, name), Settings.model_fields[name].description
    for name in sections:
        section = getattr(settings, name)
        for key, field in type(section).model_fields.items():
            yield name, key, getattr(section, key), field.description


def _as_toml(entries: Iterator[tuple[str, str]]) -> str:
    lines: list[str] = []
    within = ""
    for where, line in entries:
        if where != within:
            lines += [""] * bool(lines) + [f"[{where}]"]
            within = where
        lines.append(line)
    return "\n".join(lines)


def _line(key: str, value: object, comment: str | None) -> str:
    text = f"{key} = {_text(value)}"
    return f"{text:<{COMMENT - 1}} # {comment}" if comment else text


def _text(value: object) -> str:
    """A value in TOML. None, for which it has none, is "none"; its strings are JSON's."""
    if value is None:
        return '"none"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(str(value), ensure_ascii=False)
