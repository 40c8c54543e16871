"""Entry point of the dashboard."""

import uvicorn

from services.dashboard.app import build
from shared.queues import Queues
from shared.settings import load_settings
from shared.store.database import Database
from shared.telemetry import configure


def main() -> None:
    settings = load_settings()
    configure("dashboard", settings.log_level)
    db = Database(settings.database_url.get_secret_value())
    queues = Queues(settings.redis_url.get_secret_value())
    app = build(settings, db, queues.depths)
    uvicorn.run(app, host=settings.web.host, port=settings.web.dashboard_port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
