"""A service that starts on a store of another version says so and waits: it neither crashes nor writes."""

import os
import subprocess
import sys
from pathlib import Path

from pydantic import SecretStr

from shared.settings import Settings, to_environment
from shared.store.migrate import migrate
from tests.shared.store.test_migrate import OF_0001, everything, inside, upgraded


def test_on_an_older_store_a_service_waits_for_its_migration(
    empty_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    url = empty_database_url
    upgraded(url, "0001")
    inside(url, OF_0001.replace("'running'", "'queued'"))
    upgraded(url, "0004")
    before = everything(url)
    settings = Settings(database_url=SecretStr(url), redis_url=SecretStr(redis_url), checkpoints=tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "services.orchestrator.main"],
        env={**os.environ, **to_environment(settings)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert "waiting: the label store's tables are of version 0004, not " in said
        assert "run `prefloop migrate`" in said
        assert everything(url) == before
        assert process.poll() is None
        migrate(url)
        while "policy-2 sent, attempt 2" not in (said := process.stderr.readline()):
            assert said, "it ended"
    finally:
        process.kill()
        process.communicate()
