"""Whether an answer fits what was shown: the only response of a query is rated, of several one is chosen."""

from shared.questions.rating import RATING, SCALE


def fault(shown: int, *, position: int | None, rating: int | None) -> str | None:
    """What is wrong with the answer to a query of which `shown` responses were shown, and the way out; None: nothing.

    An answer is the `position` of the best response among those shown, from 0, or a `rating`; never both.
    """
    if RATING.fits(shown):
        wanted = f"send `rating` alone, 1 ({SCALE.low}) to {SCALE.levels} ({SCALE.high})"
        if position is not None:
            return f"position {position} was sent, but the one response shown is to be rated: {wanted}"
        if rating is None:
            return f"rating is missing: {wanted}"
        return None if 1 <= rating <= SCALE.levels else f"rating {rating} is not on the scale: {wanted}"
    wanted = f"send one of 0 to {shown - 1}, where the responses stood"
    if rating is not None:
        return f"rating {rating} was sent, but a response is to be chosen: as `position` alone, {wanted}"
    if position is None:
        return f"position is missing: {wanted}"
    return None if 0 <= position < shown else f"position {position} was not shown: {wanted}"
