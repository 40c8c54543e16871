"""Traces for OpenTelemetry where `tracking.otlp` asks for them: a span a job, its sending and its web request above it.

Nothing of OpenTelemetry is imported, and nothing is measured, where nobody asked. What cannot be sent is lost: a trace
explains, it is no record.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.domain import LoopError

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

PATH = "/v1/traces"  # of OTLP over HTTP, where the address names none
SECONDS = 3.0  # that an export may take, so that a service ends in time while the receiver is away

Carrier = Mapping[str, str]  # what goes with a message or a request: {"traceparent": ...} (W3C Trace Context)

_tracer: "Tracer | None" = None  # of this process, as logging is


def configure(service: str, run: str, address: str | None) -> None:
    """Send this process's spans there. Call it once, in the entry point. LoopError where the extra is missing."""
    global _tracer  # noqa: PLW0603 (see above)
    if address is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise LoopError(
            "tracking.otlp is set, but OpenTelemetry is not installed: pip install 'prefloop[otel]'"
        ) from None
    endpoint = address if urlsplit(address).path.strip("/") else address.rstrip("/") + PATH
    provider = TracerProvider(resource=Resource.create({"service.name": service, "prefloop.run": run}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint, timeout=SECONDS)))
    _tracer = provider.get_tracer("prefloop")


@contextmanager
def span(
    name: str, facts: Mapping[str, str | int], *, kind: str = "internal", parent: Carrier | None = None
) -> Iterator["Span | None"]:
    """A span around the block, below `parent` or the one around it. An error that leaves the block is noted.

    `kind`: internal, server, client, producer or consumer. None is given where nobody asked for traces.
    """
    if _tracer is None:
        yield None
        return
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    above = TraceContextTextMapPropagator().extract(parent) if parent else None
    attributes = {f"prefloop.{key}": value for key, value in facts.items()}
    with _tracer.start_as_current_span(name, above, SpanKind[kind.upper()], attributes) as started:
        yield started


def carrier() -> dict[str, str]:
    """The current span, to go with a message. Empty where nobody asked for traces."""
    found: dict[str, str] = {}
    if _tracer is not None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        TraceContextTextMapPropagator().inject(found)
    return found
