"""The baseline's end of the pipe: a line on stdin is a turn, its seconds are the answer on stdout."""

import os
import sys
import time
from typing import Any

from transformers import TrainerCallback


class Turns:
    """Takes stdout for the answers; whatever else is printed goes to stderr."""

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._start = 0.0

    def wait(self) -> None:
        """Until the next turn; ends the process where there will be none."""
        if not sys.stdin.readline():
            raise SystemExit
        self._start = time.perf_counter()

    def done(self) -> None:
        print(time.perf_counter() - self._start, file=self._answers, flush=True)


class OneAtATime(TrainerCallback):
    """A trainer that does `steps` optimiser steps a turn."""

    def __init__(self, turns: Turns, steps: int = 1) -> None:
        self._turns = turns
        self._steps = steps

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._turns.wait()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 -- as they are passed
        if state.global_step % self._steps == 0:
            self._turns.done()
            self._turns.wait()
