"""Entry point of the reward trainer."""

from services.reward_trainer.worker import RewardTrainer
from shared import queues
from shared.checkpoints import Checkpoints
from shared.settings import load_settings
from shared.startup import running
from shared.training.machine import prepare
from shared.weights import Weights


def main() -> None:
    settings = load_settings()
    checkpoints = Checkpoints(settings.checkpoints)
    with running("reward_trainer", settings, lambda: {"disk_free_bytes": checkpoints.free_bytes()}) as db:
        device = prepare(settings.model)
        weights = Weights(db, checkpoints, device=device, autocast=settings.model.autocast)
        worker = RewardTrainer(settings, db, checkpoints, weights)
        queues.serve(settings.redis_url.get_secret_value(), "reward_trainer", db, worker)


if __name__ == "__main__":
    main()
