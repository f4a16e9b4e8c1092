"""Errors as clients see them: RFC 9457 problem documents, one table for all of ours."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as RouterError

from hubbub.errors import (
    AgentUnavailable,
    AlreadyAnswered,
    ConnectionLost,
    DeadLetterNotFound,
    FilesFull,
    HubbubError,
    InboxFull,
    InvalidAgentName,
    InvalidAnswer,
    InvalidCursor,
    InvalidMessage,
    LimitReached,
    PermissionDenied,
    QuestionNotFound,
    RateLimited,
    RemoteError,
    RequestTimeout,
    RerunRefused,
    StepMismatch,
    StoredFileNotFound,
    TaskFinished,
    TaskNotFound,
    TooManyHops,
    TooManyNotes,
)

__all__ = [
    "MEDIA_TYPE",
    "Problem",
    "Refusal",
    "may_fail_with",
    "on_http_error",
    "on_hubbub_error",
    "on_invalid_request",
    "problem_of",
    "problem_response",
]

log = logging.getLogger("hubbub.gateway")

MEDIA_TYPE = "application/problem+json"

_TYPES = "urn:hubbub:problem:"
_MOST_FIELDS = 20


class Problem(BaseModel):
    """What went wrong, and what to do about it (RFC 9457)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": f"{_TYPES}task-not-found",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "There is no task '42'; `hubbub tasks` lists them",
                    "code": "task-not-found",
                    "request_id": "5b0e3a1c9d7f4e21",
                }
            ]
        },
    )

    type: str = Field(description="Names the kind of problem.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened, why, and what to do next.")
    code: str = Field(description="The kind of problem, short.")
    request_id: str = Field(description="Names this request in the logs.")


class Refusal(HTTPException):
    """A problem that the gateway itself finds.

    Args:
        status: the HTTP status.
        code: kind of the problem, in words joined by hyphens.
        detail: what happened and what to do.
        headers: more headers of the response.
        facts: more members of the problem document.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code
        self.facts = dict(facts or {})


_STATUS: list[tuple[type[HubbubError], int, str]] = [
    (TaskNotFound, 404, "task-not-found"),
    (DeadLetterNotFound, 404, "dead-letter-not-found"),
    (StoredFileNotFound, 404, "file-not-found"),
    (QuestionNotFound, 409, "question-not-found"),
    (AlreadyAnswered, 409, "already-answered"),
    (StepMismatch, 409, "step-mismatch"),
    (RerunRefused, 409, "rerun-refused"),
    (TaskFinished, 409, "task-finished"),
    (InvalidAnswer, 422, "invalid-answer"),
    (InvalidAgentName, 422, "invalid-agent-name"),
    (InvalidCursor, 422, "invalid-cursor"),
    (InvalidMessage, 422, "invalid-message"),
    (TooManyHops, 422, "too-many-hops"),
    (RateLimited, 429, "rate-limited"),
    (InboxFull, 429, "inbox-full"),
    (LimitReached, 429, "limit-reached"),
    (TooManyNotes, 429, "too-many-notes"),
    (RemoteError, 502, "remote-error"),
    (FilesFull, 507, "files-full"),
    (PermissionDenied, 503, "mesh-permission-denied"),
    (AgentUnavailable, 503, "agent-unavailable"),
    (ConnectionLost, 503, "mesh-unavailable"),
    (RequestTimeout, 504, "request-timeout"),
]
"""Which error is which status; the first that fits counts."""


_DETAILS = {
    404: "There is nothing here: GET /openapi.json describes all routes",
    405: "This route does not take this method: see the header `Allow`, and /openapi.json",
}


def problem_of(error: HubbubError) -> Refusal:
    """Return the problem that one of our errors is for a client."""
    known = ((status, code) for kind, status, code in _STATUS if isinstance(error, kind))
    status, code = next(known, (500, "internal-error"))
    headers = {"Retry-After": "5"} if status in (429, 503) else dict[str, str]()
    facts: dict[str, Any] = {}
    match error:
        case AlreadyAnswered():
            facts = {"question_id": error.question_id, "by": error.by, "at": error.at}
        case RateLimited() if error.retry_after is not None:
            headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
        case _:
            pass
    detail = str(error) if status != 500 else "Something failed here; the log has the request id"
    return Refusal(status, code, detail, headers=headers, facts=facts)


def problem_response(refusal: Refusal, request_id: str, *, path: str = "") -> JSONResponse:
    """Return a problem document as a response."""
    title = HTTPStatus(refusal.status_code).phrase
    body: dict[str, Any] = {
        "type": f"{_TYPES}{refusal.code}",
        "title": title,
        "status": refusal.status_code,
        "detail": refusal.detail,
        "code": refusal.code,
        "request_id": request_id,
        **refusal.facts,
    }
    if path.startswith("/v1/"):  # where the clients of OpenAI look
        body["error"] = {"message": refusal.detail, "type": refusal.code, "code": refusal.code}
    return JSONResponse(
        body, refusal.status_code, headers=dict(refusal.headers or {}), media_type=MEDIA_TYPE
    )


def may_fail_with(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the error responses of a route, for its description.

    Args:
        statuses: those besides the ones that every route has.
    """
    every = sorted({400, 401, 413, 421, 422, 429, 500, 503, *statuses})
    return {
        status: {
            "model": Problem,
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in every
    }


async def on_hubbub_error(request: Request, error: Exception) -> JSONResponse:
    """Answer with one of our errors."""
    assert isinstance(error, HubbubError)  # noqa: S101 - registered for nothing else
    refusal = problem_of(error)
    if refusal.status_code == 500:
        log.error("Request %s failed", _id_of(request), exc_info=error)
    return problem_response(refusal, _id_of(request), path=request.url.path)


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """Answer with what a route or the router refuses."""
    assert isinstance(error, RouterError)  # noqa: S101 - registered for nothing else
    if not isinstance(error, Refusal):
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        detail = _DETAILS.get(error.status_code, str(error.detail))
        if error.status_code == 404 and request.url.path.endswith("/"):
            detail = "There is nothing here; without the slash at the end there may be"
        error = Refusal(error.status_code, code, detail, headers=error.headers)
    return problem_response(error, _id_of(request), path=request.url.path)


async def on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    """Answer a request whose parts are not what the route takes."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    fields = [
        {"field": ".".join(map(str, item["loc"])), "problem": str(item["msg"])}
        for item in error.errors()[:_MOST_FIELDS]
    ]
    detail = "; ".join(f"{item['field']}: {item['problem']}" for item in fields)
    refusal = Refusal(422, "invalid-request", detail, facts={"errors": fields})
    return problem_response(refusal, _id_of(request), path=request.url.path)


def _id_of(request: Request) -> str:
    return str(request.scope.get("request_id", ""))
