"""`config`, `env`, `migrate`, `healthy`, `pretrain`: what stands around the loop."""

import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from services.cli.commands.options import FILE, FOLDER, PRESETS, loop_options, say
from shared.training.recipe import Recipe

if TYPE_CHECKING:
    from services.cli.configure import Options


@click.command()
@click.option(
    "--diff",
    is_flag=False,
    flag_value="paper",
    type=click.Choice(PRESETS),
    help="Only what differs from this preset for the same task. Default: paper.",
)
@loop_options
def config(diff: str | None, options: "Options") -> None:
    """Print all settings as TOML, with what they mean. Takes the options of `up`, so that they can be tried."""
    from services.cli.configure import preset_settings, settings_for
    from services.cli.describe import describe, differences

    settings = settings_for(None, options)
    if diff is None:
        say(describe(settings))
    else:
        say(differences(settings, preset_settings(diff, settings.task.name), name=diff))


@click.command()
@click.argument("path", type=FILE, default=Path(".env"))
@click.option("--force", is_flag=True, help="Overwrite the file: running services will not know the new secrets.")
def env(path: Path, force: bool) -> None:
    """Write fresh secrets for docker compose to .env, readable by its owner alone."""
    from services.cli.env import write_env

    write_env(path, force=force)
    say(f"{path} written; it holds the operator's and the labeler's key")


@click.command()
def migrate() -> None:
    """Make a store ready: tables, accounts, the loop's row. Reads PREFLOOP_*, LABELER_KEY, SIMULATE_KEYS."""
    from services.cli.prepare import Keys, prepare
    from shared.settings import load_settings

    settings = load_settings()
    simulated = [key for key in os.environ.get("SIMULATE_KEYS", "").split(",") if key]
    prepare(settings, Keys(settings.operator_key.get_secret_value(), os.environ.get("LABELER_KEY", ""), simulated))
    say("the store is ready")


@click.command()
def healthy() -> None:
    """Ask the store and the queues whether they answer: the health check of containers without a web page."""
    from shared.queues import Queues
    from shared.settings import load_settings
    from shared.store.database import Database

    settings = load_settings()
    Database(settings.database_url.get_secret_value()).ping()
    Queues(settings.redis_url.get_secret_value()).ping()
    say("store and queues answer")


def recipe_options(command: Callable[..., None]) -> Callable[..., None]:
    """One option a field of the recipe, with its default."""
    for field in reversed(fields(Recipe)):
        name, default = field.name.replace("_", "-"), field.default
        if isinstance(default, bool):
            option = click.option(f"--{name}/--no-{name}", default=default, show_default=True)
        else:
            kind = float if default is None else type(default)
            option = click.option(f"--{name}", type=kind, default=default, show_default=True)
        command = option(command)
    return command


@click.command()
@click.argument("texts", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=FOLDER, required=True, help="New folder for the policy.")
@click.option("--from", "from_policy", help="Go on from this policy (fine-tuning) instead of a new one.")
@click.option(
    "--about",
    default="Origin and licence of the texts were not given.",
    help="For the model card: where the texts come from, under which licence.",
)
@recipe_options
def pretrain(texts: tuple[Path, ...], out: Path, from_policy: str | None, about: str, **recipe: Any) -> None:
    """Make a small policy of texts, or fine-tune one on them before RL.

    TEXTS are JSONL files with a `text` a line, or plain text with empty lines between texts.
    """
    from shared.training.pretrain import run

    run(texts, out, from_policy=from_policy, recipe=Recipe(**recipe), about=about, say=say)
