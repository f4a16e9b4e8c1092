"""The description of the API: complete, and true of every answer to whatever is sent."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed
from hypothesis import settings as hypothesis_settings

from hubbub import NATSConfig
from hubbub.gateway.app import create_app

from .kit import gateway

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # those of what it imports
    import schemathesis
    from schemathesis.specs.openapi import checks as conformance

EXAMPLES = 15
CHECKS: list[Any] = [
    conformance.content_type_conformance,  # pyright: ignore[reportUnknownMemberType]
    conformance.response_schema_conformance,  # pyright: ignore[reportUnknownMemberType]
    conformance.status_code_conformance,  # pyright: ignore[reportUnknownMemberType]
]
ROUTES = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/api/agents"),
    ("GET", "/api/agents/{name}"),
    ("POST", "/api/messages"),
    ("GET", "/api/messages"),
    ("GET", "/api/prices"),
    ("POST", "/api/requests"),
    ("POST", "/api/tasks"),
    ("GET", "/api/tasks"),
    ("GET", "/api/tasks/{task_id}"),
    ("GET", "/api/tasks/{task_id}/events"),
    ("POST", "/api/tasks/{task_id}/answers"),
    ("POST", "/api/tasks/{task_id}/cancel"),
    ("POST", "/api/tasks/{task_id}/steer"),
    ("POST", "/api/tasks/{task_id}/replay"),
    ("POST", "/api/tasks/{task_id}/rerun"),
    ("GET", "/api/dead-letters"),
    ("GET", "/api/dead-letters/{letter_id}"),
    ("POST", "/api/dead-letters/{letter_id}/retry"),
    ("DELETE", "/api/dead-letters/{letter_id}"),
    ("GET", "/api/tasks/{task_id}/log"),
    ("GET", "/api/questions"),
    ("GET", "/api/health"),
    ("POST", "/api/files"),
    ("GET", "/api/files/{file_id}"),
    ("GET", "/api/session"),
    ("POST", "/api/session"),
    ("DELETE", "/api/session"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model}"),
}


def test_every_route_is_described() -> None:
    described: dict[str, Any] = create_app().openapi()
    found: set[tuple[str, str]] = set()
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            found.add((method.upper(), path))
            assert route["summary"], path
            assert route["description"], path
            assert "_" in route["operationId"] or path in ("/healthz", "/readyz", "/metrics"), path
            for status in ("400", "401", "422", "429", "500", "503"):
                problem = route["responses"][status]["content"]["application/problem+json"]
                assert problem["schema"]["$ref"].endswith("/Problem"), (path, status)
            is_open = path in ("/healthz", "/readyz", "/metrics", "/api/session")
            ways: list[dict[str, list[str]]] = [{"HTTPBearer": []}, {"APIKeyHeader": []}]
            if path.startswith("/api/"):
                ways.append({"APIKeyCookie": []})
            assert is_open or route["security"] == ways
    assert found == ROUTES
    schemas = described["components"]["schemas"]
    for name in ("MessageIn", "RequestIn", "TaskIn", "Answer", "ChatRequest", "Problem"):
        assert schemas[name]["examples"], name


@pytest.mark.filterwarnings("ignore")
async def test_whatever_is_sent_no_answer_is_a_surprise(open_config: NATSConfig) -> None:
    async with gateway(open_config, requests_per_second=1e6, request_burst=1_000_000) as door:
        failed = await asyncio.to_thread(_fuzz, door.url)
    assert failed == []


def _fuzz(url: str) -> list[str]:
    schema: Any = schemathesis.openapi.from_url(f"{url}/openapi.json")
    failed: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @seed(1)
        @hypothesis_settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        )
        @given(case=operation.as_strategy())
        def probe(case: Any) -> None:
            response = case.call()
            assert response.status_code not in (500, 502), response.text
            case.validate_response(
                response,
                checks=CHECKS,
            )

        try:
            probe()
        except Exception as error:  # noqa: BLE001 - all of them are told
            failed.append(f"{operation.method} {operation.path}: {error}")
    return failed
