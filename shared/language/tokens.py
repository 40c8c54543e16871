"""Tokens: text to ids and back, and rows of different length as one tensor."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from shared.domain import LoopError


class Tokenizer:
    """A transformers tokenizer with what prefloop asks of one. Its pad token is never a token that text can contain."""

    def __init__(self, tokenizer: Any) -> None:
        if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
            raise LoopError("the tokenizer has no pad token of its own; import_policy gives it one")
        self._tokenizer = tokenizer
        self.pad_id: int = tokenizer.pad_token_id

    def __len__(self) -> int:
        return len(self._tokenizer)

    def encode(self, text: str) -> tuple[int, ...]:
        """Ids of the text, without any special token: one spelled out in the text is read as letters."""
        return tuple(self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of the ids; special tokens, pad among them, are left out. NUL, which no store takes, is U+FFFD."""
        text: str = self._tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text.replace("\0", "\ufffd")

    def token_id(self, text: str) -> int:
        """The id of a text that is one token, which may be a special one. Raises LoopError where it is several."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(ids) != 1:
            raise LoopError(
                f"task.truncate_token {text!r} is {len(ids)} tokens for this model, not one; choose another"
            )
        return ids[0]

    def save(self, folder: Path) -> None:
        self._tokenizer.save_pretrained(folder)


def left_pad(rows: Sequence[Sequence[int]], *, pad_id: int, length: int) -> tuple[Tensor, Tensor]:
    """Rows of ids as (tokens (B, length) long, mask (B, length) bool), padded on the left.

    Raises ValueError for an empty row or one longer than `length`.
    """
    tokens = torch.full((len(rows), length), pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), length), dtype=torch.bool)
    for i, row in enumerate(rows):
        if not 0 < len(row) <= length:
            raise ValueError(f"row {i} has {len(row)} tokens; it needs at least 1 and at most {length}")
        tokens[i, length - len(row) :] = torch.tensor(row, dtype=torch.long)
        mask[i, length - len(row) :] = True
    return tokens, mask


def positions(mask: Tensor) -> Tensor:
    """Position ids counted from the attention mask: (B, L) bool -> (B, L), 0 at the first present token."""
    return (mask.long().cumsum(-1) - 1).clamp(min=0)
