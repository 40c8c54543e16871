"""Entry point of the reward trainer."""

from services.reward_trainer.worker import RewardTrainer
from shared import queues
from shared.checkpoints import Checkpoints
from shared.settings import load_settings
from shared.store.database import Database
from shared.telemetry import configure
from shared.training.machine import prepare
from shared.weights import Weights


def main() -> None:
    settings = load_settings()
    configure("reward_trainer", settings.log_level)
    db = Database(settings.database_url.get_secret_value())
    device = prepare(settings.model)
    checkpoints = Checkpoints(settings.checkpoints)
    weights = Weights(db, checkpoints, device=device, autocast=settings.model.autocast)
    queues.serve(
        settings.redis_url.get_secret_value(), "reward_trainer", db, RewardTrainer(settings, db, checkpoints, weights)
    )


if __name__ == "__main__":
    main()
