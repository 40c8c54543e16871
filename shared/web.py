"""What both web services do with requests and answers: read a key, refuse, add headers."""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Send


def bearer_key(request: Request) -> str | None:
    """The key of `Authorization: Bearer KEY`; None where there is none of that kind."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def unauthorized(detail: str) -> Response:
    return JSONResponse({"detail": detail}, 401, {"WWW-Authenticate": "Bearer"})


def with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    """Add headers to the response, where it has not set its own."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = MutableHeaders(scope=message)
            for name, value in headers.items():
                own.setdefault(name, value)
        await send(message)

    return sending
