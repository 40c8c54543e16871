"""A vocabulary of bytes, for tests that need no tokenizer of a model's."""

from collections.abc import Sequence


class Bytes:
    """Ids 0 to 255 are bytes, 256 is the pad token. NUL is spelled as shared/language/tokens.py spells it."""

    pad_id = 256

    def __len__(self) -> int:
        return 257

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(text.encode())

    def decode(self, tokens: Sequence[int]) -> str:
        return bytes(token for token in tokens if token != self.pad_id).decode(errors="replace").replace("\0", "\ufffd")
