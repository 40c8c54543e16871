"""Entry point of the dashboard."""

import uvicorn

from services.dashboard.app import build
from shared.queues import Queues
from shared.settings import load_settings
from shared.startup import running


def main() -> None:
    settings = load_settings()
    queues = Queues(settings.redis_url.get_secret_value())
    with running("dashboard", settings) as db:
        app = build(settings, db, queues.depths)
        uvicorn.run(app, host=settings.web.host, port=settings.web.dashboard_port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
