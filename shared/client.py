"""The labeling API for programs: what it takes and gives is typed by shared/wire.py, and troubles are waited out.

    with LabelingClient("http://127.0.0.1:8080", key) as client:
        offer = client.take()
        while offer is not None and offer.lease is not None:
            lengths = [len(text) for text in offer.lease.responses]
            longest = lengths.index(max(lengths))
            offer = client.answer(offer.lease.id, position=longest, seconds=1.5, next=True).next

Every call is safe to send again: the same answer gets the same receipt. So one that gets no answer, 429 or 5xx is sent
again until `patience` is at its end.
"""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from shared import wire
from shared.domain import Flag, LoopError, SkipReason, Stop

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between tries; a longer Retry-After is kept to
Wanted = TypeVar("Wanted")


class RefusedError(LoopError):
    """The service does not do what was asked, and would not if asked again. `detail` is what it says."""

    def __init__(self, path: str, status: int, detail: str) -> None:
        super().__init__(f"{path} refused: {status} {detail}")
        self.status = status
        self.detail = detail


class UnknownKeyError(RefusedError):
    """401: no account has this key, or the key is revoked or expired."""


class UnknownLeaseError(RefusedError):
    """404: there is no such lease, or it is somebody else's."""


class ConflictError(RefusedError):
    """409: the lease ended otherwise, or its place went to somebody else."""


class InvalidError(RefusedError):
    """422: the answer does not fit the question."""


class UnansweredError(LoopError):
    """The service gave no usable answer for as long as the client's patience."""


REFUSALS = {401: UnknownKeyError, 404: UnknownLeaseError, 409: ConflictError, 422: InvalidError}


class LabelingClient:
    """One person's, or program's, access to the labeling service. A context manager; for one thread.

    `patience`: seconds for which a call is sent again. `sleep` waits between tries; what it raises ends the call.
    Every call raises RefusedError, one of its kinds where there is one, UnansweredError, or LoopError where something
    else answers than a labeling service.
    """

    def __init__(
        self, url: str, key: str, *, patience: float = 120.0, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._url = url.rstrip("/")
        self._patience = patience
        self._sleep = sleep
        self._http = httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def __enter__(self) -> "LabelingClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def take(self) -> wire.Offer:
        """A query lent to you, the same again while you have it; or why there is none, and when to ask again."""
        return self._call("POST", "/api/leases", wire.Offer, wire.Take())

    def answer(
        self,
        lease_id: str,
        *,
        position: int | None = None,
        rating: int | None = None,
        none_acceptable: bool = False,
        flag: Flag | None = None,
        critique: str | None = None,
        seconds: float,
        next: bool = False,
    ) -> wire.Answered:
        """Say which response is best, how good the only one is, or that none will do: one of them.

        `position` counts the responses from 0 as the lease shows them. `next`: lend the next query with the receipt.
        """
        body = wire.Answer(
            position=position,
            rating=rating,
            none_acceptable=none_acceptable,
            flag=flag,
            critique=critique,
            seconds=seconds,
            next=next,
        )
        return self._call("POST", f"/api/leases/{lease_id}/answer", wire.Answered, body)

    def skip(
        self, lease_id: str, *, reason: SkipReason | None = None, note: str | None = None, next: bool = False
    ) -> wire.Skipped:
        """Give the query back unanswered."""
        body = wire.Skip(reason=reason, note=note, next=next)
        return self._call("POST", f"/api/leases/{lease_id}/skip", wire.Skipped, body)

    def renew(self, lease_id: str) -> wire.Renewed:
        """Keep an open lease for longer."""
        return self._call("POST", f"/api/leases/{lease_id}/renew", wire.Renewed, wire.Take())

    def undo(self, lease_id: str) -> wire.LeasedQuery:
        """Take back the answer or skip of the lease that you closed last: the query is yours again."""
        return self._call("POST", f"/api/leases/{lease_id}/undo", wire.LeasedQuery, wire.Take())

    def me(self) -> wire.Me:
        """Who you are, what you have done, and whether the line or you are halted."""
        return self._call("GET", "/api/me", wire.Me)

    def stop(self, reason: str) -> Stop:
        """Halt training, until an operator resumes. Where it is halted, that stop stands and comes back."""
        return self._call("POST", "/api/stop", Stop, wire.StopLine(reason=reason))

    def _call(self, method: str, path: str, wanted: type[Wanted], body: BaseModel | None = None) -> Wanted:
        response = self._response(method, path, None if body is None else body.model_dump_json())
        try:
            if response.is_success:
                return TypeAdapter(wanted).validate_json(response.content)
            detail = wire.Problem.model_validate_json(response.content).detail
        except ValidationError:
            raise LoopError(
                f"{self._url}{path}: {response.status_code} is no answer of a labeling service's of this version: "
                f"{response.text[:100]!r}; name the address of the labeling page"
            ) from None
        raise REFUSALS.get(response.status_code, RefusedError)(f"{self._url}{path}", response.status_code, detail)

    def _response(self, method: str, path: str, content: str | None) -> httpx.Response:
        """Ask until there is an answer that would be the same if asked again."""
        deadline, pause = time.monotonic() + self._patience, FIRST_PAUSE
        headers = {} if content is None else {"Content-Type": "application/json"}
        while True:
            asked_for = 0.0
            try:
                response = self._http.request(method, self._url + path, content=content, headers=headers)
            except httpx.TransportError as error:
                trouble = str(error) or type(error).__name__
            else:
                if response.status_code < 500 and response.status_code != httpx.codes.TOO_MANY_REQUESTS:
                    return response
                trouble, asked_for = f"{response.status_code} {response.text[:200]}", _retry_after(response)
            wait = max(asked_for, pause * random.uniform(0.5, 1.0))
            if time.monotonic() + wait > deadline:
                raise UnansweredError(
                    f"{self._url}{path} does not answer ({trouble}): is the labeling service running?"
                ) from None
            log.info("%s: %s; trying again in %.1f s", path, trouble, wait)
            self._sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)


def _retry_after(response: httpx.Response) -> float:
    seconds = response.headers.get("retry-after", "")
    return float(seconds) if seconds.isdecimal() else 0.0
