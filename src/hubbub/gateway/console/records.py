"""What the console's own routes take and give, as records that describe themselves."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

__all__ = ["RoleName", "SessionView", "SignIn"]

RoleName = Literal["user", "viewer", "operator", "admin"]


class SignIn(BaseModel):
    """What somebody signs in with."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"credential": "hub_3f9a0c71be52_0d3c5c6e6f0a4a2b9a53"}]},
    )

    credential: SecretStr = Field(
        min_length=1, max_length=16_384, description="An API key, or a token (JWT)."
    )


class SessionView(BaseModel):
    """Who is signed in, and how one signs in."""

    user: str | None = Field(description="Null if nobody is; `local` where everybody is let in.")
    role: RoleName | None = Field(description="What they may do.")
    sign_in: list[Literal["api-key", "token"]] = Field(
        description="What can be signed in with; empty where everybody is let in."
    )
    version: str = Field(description="The version of Hubbub.", examples=["0.1.0"])
    nats: bool = Field(description="Whether the gateway reaches the NATS server now.")
