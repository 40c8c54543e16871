"""Entry point of the PPO worker."""

from services.ppo.worker import PPOWorker
from shared import queues
from shared.checkpoints import Checkpoints
from shared.settings import load_settings
from shared.store.database import Database
from shared.telemetry import configure
from shared.training.machine import prepare
from shared.weights import Weights


def main() -> None:
    settings = load_settings()
    configure("ppo", settings.log_level)
    db = Database(settings.database_url.get_secret_value())
    device = prepare(settings.model)
    checkpoints = Checkpoints(settings.checkpoints)
    weights = Weights(db, checkpoints, device=device, autocast=settings.model.autocast)
    queues.serve(
        settings.redis_url.get_secret_value(), "ppo", db, PPOWorker(settings, db, checkpoints, weights, device)
    )


if __name__ == "__main__":
    main()
