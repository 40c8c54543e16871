"""What files of token ids ask of a tokenizer; shared/language/tokens.py has it."""

from collections.abc import Sequence
from typing import Protocol


class Vocabulary(Protocol):
    """Ids from 0 to its length; `pad_id` is none that text can contain."""

    @property
    def pad_id(self) -> int: ...

    def __len__(self) -> int: ...

    def encode(self, text: str) -> tuple[int, ...]: ...

    def decode(self, tokens: Sequence[int]) -> str: ...
