"""Spans to an OpenTelemetry collector, OTLP over HTTP: one an action, from the arrival of what caused it until it was decided.

Needs the extra `traces`. Where to and how much is said in OpenTelemetry's own words: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from schemas.decisions import Action
from streams.errors import UserError
from streams.traces import Context

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

SERVICE = "touchstone-worker"


class Exported:
    """Records spans in the background; what cannot be delivered is dropped, with a line in the log, and nothing waits for it."""

    def __init__(self, exporter: "SpanExporter | None" = None) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            raise UserError(
                "TOUCHSTONE_WORKER_TRACES is otlp, and OpenTelemetry is not installed",
                "pip install 'touchstone[traces]'",
            ) from None
        resource = Resource.create({"service.name": SERVICE})  # OTEL_SERVICE_NAME, if given, wins
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("touchstone")

    def decided(self, action: Action, parent: Context | None, links: Sequence[Context]) -> Context:
        """The context of the span."""
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        propagator = TraceContextTextMapPropagator()
        span = self._tracer.start_span(
            f"decide {action.kind}",
            context=propagator.extract(_carrier(parent)) if parent is not None else None,
            kind=trace.SpanKind.CONSUMER,
            links=[
                trace.Link(trace.get_current_span(propagator.extract(_carrier(link))).get_span_context())
                for link in links
            ],
            start_time=parent.arrived_at_ms * 1_000_000 if parent is not None and parent.arrived_at_ms else None,
            attributes=_attributes(action),
        )
        span.end(max(time.time_ns(), parent.arrived_at_ms * 1_000_000 if parent is not None else 0))
        carrier: dict[str, str] = {}
        propagator.inject(carrier, trace.set_span_in_context(span))
        return Context(carrier["traceparent"], carrier.get("tracestate", ""))

    def flush(self) -> None:
        """Sends what waits."""
        self._provider.force_flush()


def _carrier(context: Context) -> dict[str, str]:
    return {"traceparent": context.parent} | ({"tracestate": context.state} if context.state else {})


def _attributes(action: Action) -> dict[str, Any]:
    """No personal data: neither the subject nor what the action says."""
    return {
        "messaging.system": "kafka",
        "touchstone.action_id": action.action_id,
        "touchstone.revision": action.revision,
        "touchstone.kind": action.kind,
        "touchstone.audience": action.audience,
        "touchstone.origin": action.origin,
        "touchstone.rule": action.rule,
        "touchstone.pack": action.pack,
        "touchstone.pack_version": action.pack_version,
    }
