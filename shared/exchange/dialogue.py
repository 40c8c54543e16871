"""A dialogue as one text, in the form of Anthropic's hh-rlhf: who speaks stands before what they say."""

from collections.abc import Iterable

HUMAN, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"
SPEAKERS = {"system": "\n\nSystem:", "user": HUMAN, "assistant": ASSISTANT}


def spoken(turns: Iterable[tuple[str, str]]) -> str:
    """The turns, each a role and what it says."""
    return "".join(f"{SPEAKERS[role]} {content}" for role, content in turns)
