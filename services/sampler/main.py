"""Entry point of the sampler."""

from services.sampler.worker import Sampler
from shared import queues
from shared.checkpoints import Checkpoints
from shared.settings import load_settings
from shared.store.database import Database
from shared.telemetry import configure
from shared.training.machine import prepare
from shared.weights import Weights


def main() -> None:
    settings = load_settings()
    configure("sampler", settings.log_level)
    db = Database(settings.database_url.get_secret_value())
    device = prepare(settings.model)
    weights = Weights(db, Checkpoints(settings.checkpoints), device=device, autocast=settings.model.autocast)
    queues.serve(settings.redis_url.get_secret_value(), "sampler", db, Sampler(settings, db, weights))


if __name__ == "__main__":
    main()
