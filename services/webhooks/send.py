"""One event to one address, signed as Standard Webhooks (standardwebhooks.com): it was taken, or why not."""

import hmac
import time
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook

from shared.store.events import Occurrence
from shared.store.webhooks import Endpoint

SECONDS = 10.0  # for an answer; the receiver should note the event and work on it later
LARGEST_ANSWER = 64 * 1024  # bytes that are read so that the connection can be used again


class RefusedError(Exception):
    """The event was not taken. `retry_after`: the seconds that the receiver asked for."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class GoneError(RefusedError):
    """The receiver wants no events any more."""


def client() -> httpx.Client:
    """It follows no redirect: an event goes to the address that was named, or nowhere."""
    return httpx.Client(timeout=SECONDS, follow_redirects=False)


def send(client: httpx.Client, endpoint: Endpoint, occurrence: Occurrence) -> None:
    """POST the event. RefusedError where it is not taken within about SECONDS, GoneError for code 410."""
    body = occurrence.event.model_dump_json()
    try:
        with client.stream("POST", endpoint.url, content=body, headers=_headers(endpoint, occurrence, body)) as answer:
            _drain(answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RefusedError(f"{type(error).__name__}: {error}") from None
    code = f"{answer.status_code} {answer.reason_phrase}".strip()
    if answer.status_code == httpx.codes.GONE:
        raise GoneError(f"{code}: it wants no more events; remove it, and add it again if it does")
    if answer.is_redirect:
        raise RefusedError(f"{code}: redirects are not followed; add the address it leads to")
    if not answer.is_success:
        raise RefusedError(code, _retry_after(answer))


def message_id(endpoint: Endpoint, occurrence: Occurrence) -> str:
    """The same at every try, and no other event's: not even one of another loop's that the receiver listens to."""
    name = f"{occurrence.event.type} {occurrence.place}"
    return "msg_" + hmac.digest(endpoint.secret.encode(), name.encode(), "sha256").hex()[:32]


def _headers(endpoint: Endpoint, occurrence: Occurrence, body: str) -> dict[str, str]:
    now, message = datetime.now(UTC), message_id(endpoint, occurrence)
    return {
        "content-type": "application/json",
        "user-agent": "prefloop",
        "webhook-id": message,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(endpoint.secret).sign(message, now, body),
    }


def _drain(answer: httpx.Response) -> None:
    """Read what there is, not more than is sensible."""
    size, deadline = 0, time.monotonic() + SECONDS
    for chunk in answer.iter_raw():
        size += len(chunk)
        if size > LARGEST_ANSWER or time.monotonic() > deadline:
            return


def _retry_after(answer: httpx.Response) -> float:
    seconds = answer.headers.get("retry-after", "")
    return float(seconds) if seconds.isdecimal() else 0.0
