"""`prefloop env`: fresh secrets for docker compose, in a file that only its owner reads.

The names are those docker-compose.yml asks for. LABELER_KEY and SIMULATE_KEYS are no settings of the services: only
`prefloop migrate`, which makes the accounts, and `prefloop simulate` read them.
"""

import os
import secrets
from pathlib import Path

from shared.domain import LoopError
from shared.store.accounts import new_key

SIMULATED_LABELERS = 2


def write_env(path: Path, *, force: bool = False) -> None:
    """Write `path` with mode 0600. LoopError where it exists already and `force` is not given, or cannot be written."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        if force:
            path.unlink(missing_ok=True)
        with open(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text())
    except FileExistsError:
        raise LoopError(
            f"{path} exists: services that run already know its secrets; `prefloop env --force` writes new ones"
        ) from None
    except OSError as error:
        raise LoopError(f"{path} cannot be written: {error.strerror}") from None


def text() -> str:
    """The lines of the file. Passwords stand in addresses, so they hold nothing that a URL would have to quote."""
    values = {
        "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        "REDIS_PASSWORD": secrets.token_urlsafe(24),
        "PREFLOOP_OPERATOR_KEY": new_key(),
        "LABELER_KEY": new_key(),
        "SIMULATE_KEYS": ",".join(new_key() for _ in range(SIMULATED_LABELERS)),
    }
    lines = [f"{name}={value}" for name, value in values.items()]
    return "\n".join(["# Secrets of the loop, written by `prefloop env`. Keep this file to yourself.", *lines, ""])
