"""Entry point of the PPO worker."""

from services.ppo.worker import PPOWorker
from shared import queues
from shared.checkpoints import Checkpoints
from shared.settings import load_settings
from shared.startup import running
from shared.training.machine import prepare
from shared.weights import Weights


def main() -> None:
    settings = load_settings()
    checkpoints = Checkpoints(settings.checkpoints)
    with running("ppo", settings, lambda: {"disk_free_bytes": checkpoints.free_bytes()}) as db:
        device = prepare(settings.model)
        weights = Weights(db, checkpoints, device=device, autocast=settings.model.autocast)
        worker = PPOWorker(settings, db, checkpoints, weights, device)
        queues.serve(settings.redis_url.get_secret_value(), "ppo", db, worker)


if __name__ == "__main__":
    main()
