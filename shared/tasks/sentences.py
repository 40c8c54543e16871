"""Sentences of English text, by their punctuation alone."""

import re

# A point after a title or an initial ends no sentence.
SENTENCE_END = re.compile(r"""(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bDr)(?<!\bSt)(?<!\b[A-Z])[.!?]["']?(?=\s|$)""")


def sentences(text: str) -> list[str]:
    """The sentences of a text in their order. A line ends one too, as in headlines and highlights."""
    found = []
    for line in text.splitlines():
        ends = [match.end() for match in SENTENCE_END.finditer(line)]
        pieces = [line[start:end].strip() for start, end in zip([0, *ends], [*ends, len(line)], strict=True)]
        found += [piece for piece in pieces if piece]
    return found
