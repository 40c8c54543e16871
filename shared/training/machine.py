"""What the machine gives a worker: a device, threads, reproducible kernels."""

import torch

from shared.domain import LoopError
from shared.settings import ModelSettings


def prepare(settings: ModelSettings) -> torch.device:
    """Pin threads, ask for deterministic kernels, and name the device.

    Raises LoopError where `model.device` names one that is not there.
    """
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Nothing here reads what it has not written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a module's property
    if settings.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=settings.device).device
    except RuntimeError as error:
        raise LoopError(f"model.device {settings.device!r} cannot be used ({error}); set it to auto or cpu") from None
