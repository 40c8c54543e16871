"""Entry point of the labeling service."""

import uvicorn

from services.labeling.app import build
from shared.settings import load_settings
from shared.store.database import Database
from shared.telemetry import configure


def main() -> None:
    settings = load_settings()
    configure("labeling", settings.log_level)
    app = build(settings, Database(settings.database_url.get_secret_value()))
    uvicorn.run(app, host=settings.web.host, port=settings.web.labeling_port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
