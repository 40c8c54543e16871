"""The tasks by their names. A new one is a module with a `load`, a line here and its name in `shared.domain`."""

from collections.abc import Mapping
from functools import lru_cache

from shared.domain import TaskName
from shared.settings import TaskSettings
from shared.tasks import cnndm, continuation, tldr
from shared.tasks.task import Encoder, Load, Task

TASKS: Mapping[TaskName, Load] = {
    "sentiment": continuation.load,
    "descriptiveness": continuation.load,
    "tldr": tldr.load,
    "cnndm": cnndm.load,
}


@lru_cache(maxsize=2)  # a worker asks for its task again at every job
def load_task(settings: TaskSettings, tokenizer: Encoder) -> Task:
    """The task that the settings name, read once for one tokenizer. Raises LoopError where it cannot be asked."""
    return TASKS[settings.name](settings, tokenizer)
