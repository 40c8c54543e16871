"""A tokenizer for tests: a token a word, so that lengths can be counted by eye."""


class Words:
    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(len(word) for word in text.split())


class Characters:
    """A token a character."""

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(map(ord, text))
