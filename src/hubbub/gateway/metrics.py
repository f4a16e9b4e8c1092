"""What is counted, for Prometheus: requests here, and the state of the mesh at each look."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Metrics", "MetricsMiddleware"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The metrics of one gateway, in a registry of its own.

    Attributes:
        registry: holds them.
        requests: by route, method and status.
        seconds: until the response began, by route and method.
        tasks_started: through this gateway.
        answers: given through this gateway.
        open_streams: event streams and sockets now.
        connected: whether there is a connection to the NATS server, 1 or 0.
        agents: how many are online.
        inbox: messages in all inboxes, those being worked on included.
        dead_letters: how many there are.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("route", "method")
        self.requests = Counter(
            "hubbub_http_requests", "Requests", (*labels, "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "hubbub_http_request_seconds",
            "Seconds until the response began",
            labels,
            registry=self.registry,
        )
        self.tasks_started = Counter(
            "hubbub_tasks_started", "Tasks started through this gateway", registry=self.registry
        )
        self.answers = Counter(
            "hubbub_answers", "Answers given through this gateway", registry=self.registry
        )
        self.open_streams = self._gauge("open_streams", "Event streams and sockets open now")
        self.connected = self._gauge("nats_connected", "Whether the NATS server is connected")
        self.agents = self._gauge("agents_online", "Agents that are online")
        self.inbox = self._gauge("inbox_messages", "Messages in all inboxes")
        self.dead_letters = self._gauge("dead_letters", "Dead letters")

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"hubbub_{name}", text, registry=self.registry)

    def page(self) -> bytes:
        """Return all of them in Prometheus's text form."""
        return generate_latest(self.registry)


class MetricsMiddleware:
    """Counts requests by the route that took them, never by what a client wrote."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 0

        def count() -> None:
            route = str(getattr(scope.get("route"), "path", "(none)"))
            method = scope["method"] if scope["method"] in _METHODS else "(other)"
            self._metrics.requests.labels(route, method, str(status)).inc()
            self._metrics.seconds.labels(route, method).observe(time.perf_counter() - start)

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                count()
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception:
            if not status:
                status = 500
                count()
            raise
