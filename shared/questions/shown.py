"""The order in which responses are shown: nobody shall choose by where they stand."""

import hashlib
import random


def shown_order(responses: int, position: int, labeler_id: int) -> list[int]:
    """Indices of the responses to the query at `position`, in an order of its own for each query and labeler.

    The same whenever it is asked for.
    """
    digest = hashlib.sha256(f"{position}:{labeler_id}".encode()).digest()
    order = list(range(responses))
    random.Random(digest).shuffle(order)
    return order
