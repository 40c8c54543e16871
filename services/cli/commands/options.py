"""What several commands share: the options that make settings, and how a command ends when it is told to."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, get_args

import click

from shared.domain import Schedule, TaskName

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
PRESETS = ("demo", "quick", "released", "paper")
TASKS = get_args(TaskName)
json_option = click.option("--json", "as_data", is_flag=True, help="As JSON.")
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Interruption:
    happened: bool = False


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Leave the block in order at Ctrl-C, SIGTERM or a closed terminal. Only the first counts: ending is under way."""
    interruption = Interruption()

    def end(_: int, __: FrameType | None) -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        interruption.happened = True
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in ENDING}
    try:
        yield interruption
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(text: str) -> None:
    click.echo(text)


def loop_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that make the settings; the command gets them as one `options`."""
    declared = [
        click.option("--config", type=FILE, help="TOML file with settings; `prefloop config` prints one."),
        click.option("--preset", type=click.Choice(PRESETS), help="Settings to start from."),
        click.option("--task", type=click.Choice(TASKS), help="The task, for --preset too. Default: sentiment."),
        click.option("--model", help="ρ: `embedded`, a folder, or a name that transformers opens."),
        click.option("--schedule", type=click.Choice([s.value for s in Schedule]), help="When labels are asked for."),
        click.option("--seed", type=int, help="Seed of everything random."),
        click.option("--labeling-port", type=click.IntRange(0, 65535), help="Port of the labeling page; 0: any."),
        click.option("--dashboard-port", type=click.IntRange(0, 65535), help="Port of the dashboard; 0: any."),
        click.option("--set", multiple=True, metavar="KEY=VALUE", help="Any setting, as in --set ppo.lr=1e-4."),
    ]

    def with_options(**given: Any) -> None:
        from services.cli.configure import Options

        names = [field.name for field in fields(Options)]
        command(options=Options(**{name: given.pop(name) for name in names}), **given)

    with_options.__doc__ = command.__doc__
    with_options.__name__ = command.__name__
    for option in reversed(declared):
        option(with_options)
    return with_options


def folder_option(default: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        "--dir", "path", type=FOLDER, default=Path(default), show_default=True, help="Folder that holds the run."
    )


def store_option(command: Callable[..., None]) -> Callable[..., None]:
    """Which loop's store a command opens: `path`, for services/cli/opened.py."""
    return click.option(
        "--dir",
        "path",
        type=FOLDER,
        help="Folder that holds the run. Default: PREFLOOP_DATABASE_URL, or the one last started in runs/.",
    )(command)


def period_options(command: Callable[..., None]) -> Callable[..., None]:
    """`since` and `until`, with time zone."""

    def utc(_: click.Context, __: click.Parameter, moment: datetime | None) -> datetime | None:
        return moment and moment.replace(tzinfo=UTC)

    until = click.option("--until", type=click.DateTime(), callback=utc, help="Given before then, UTC.")
    since = click.option("--since", type=click.DateTime(), callback=utc, help="Given then or later, UTC.")
    return since(until(command))
