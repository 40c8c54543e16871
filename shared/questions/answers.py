"""Whether an answer fits what was shown: the only response of a query is rated, of several one is chosen."""

from shared.domain import Answer
from shared.questions.rating import RATING, SCALE


def fault(shown: int, said: Answer) -> str | None:
    """What is wrong with the answer to a query of which `shown` responses were shown, and the way out; None: nothing.

    One of `position`, `rating` and `none_acceptable` is to be said, as fits what was shown.
    """
    if said.none_acceptable:
        return _fault_of_none(said)
    if RATING.fits(shown):
        return _fault_of_rating(said)
    wanted = f"send one of 0 to {shown - 1}, where the responses stood"
    if said.rating is not None:
        return f"rating {said.rating} was sent, but a response is to be chosen: as `position` alone, {wanted}"
    if said.position is None:
        return f"position is missing: {wanted}"
    return None if 0 <= said.position < shown else f"position {said.position} was not shown: {wanted}"


def _fault_of_rating(said: Answer) -> str | None:
    wanted = f"send `rating` alone, 1 ({SCALE.low}) to {SCALE.levels} ({SCALE.high})"
    if said.position is not None:
        return f"position {said.position} was sent, but the one response shown is to be rated: {wanted}"
    if said.rating is None:
        return f"rating is missing: {wanted}"
    return None if 1 <= said.rating <= SCALE.levels else f"rating {said.rating} is not on the scale: {wanted}"


def _fault_of_none(said: Answer) -> str | None:
    for name, value in (("position", said.position), ("rating", said.rating)):
        if value is not None:
            return f"{name} {value} was sent, but none_acceptable says that none will do: send one of them"
    return None
