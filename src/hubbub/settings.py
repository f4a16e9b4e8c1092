"""Every setting of Hubbub, in one object.

Arguments beat environment variables, which beat `hubbub.toml`, which beats `[tool.hubbub]` in
`pyproject.toml`. The table in `docs/configuration.md` is generated from this file.
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    PyprojectTomlConfigSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hubbub.errors import SettingsError

__all__ = ["DEFAULT_NATS_URL", "NATSConfig"]

DEFAULT_NATS_URL = "nats://localhost:4222"


def _default_data_dir() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "hubbub"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "hubbub"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "hubbub"


def _from_environment(name: str) -> Any:
    """Let a field be set by its own name or by a variable that is not ours to prefix."""
    return AliasChoices(name.lower(), name)


class NATSConfig(BaseSettings):
    """How to reach the mesh, and how agents behave on it.

    An empty value counts as not set.

    Raises:
        SettingsError: a value cannot be used; the message names the variable.
    """

    model_config = SettingsConfigDict(
        env_prefix="HUBBUB_",
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        toml_file="hubbub.toml",
        pyproject_toml_table_header=("tool", "hubbub"),
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )

    nats_url: str | None = Field(
        None,
        validation_alias=_from_environment("NATS_URL"),
        repr=False,  # it may carry a password
        description="Servers to connect to, separated by commas. Without it: the running local "
        f"server if there is one, else {DEFAULT_NATS_URL}, else an embedded server.",
    )
    nats_user: str | None = Field(
        None, validation_alias=_from_environment("NATS_USER"), description="User name."
    )
    nats_password: SecretStr | None = Field(
        None, validation_alias=_from_environment("NATS_PASSWORD"), description="Password."
    )
    nats_token: SecretStr | None = Field(
        None, validation_alias=_from_environment("NATS_TOKEN"), description="Authentication token."
    )
    nats_creds: Path | None = Field(
        None,
        validation_alias=_from_environment("NATS_CREDS"),
        description="Credentials file (JWT and seed).",
    )
    nats_nkey_seed: SecretStr | None = Field(
        None,
        validation_alias=_from_environment("NATS_NKEY_SEED"),
        description="NKey seed (`SU...`), or the path of a file that holds it.",
    )
    nats_tls_ca: Path | None = Field(
        None,
        validation_alias=_from_environment("NATS_TLS_CA"),
        description="Certificate authority that signed the server's certificate (PEM).",
    )
    nats_tls_cert: Path | None = Field(
        None,
        validation_alias=_from_environment("NATS_TLS_CERT"),
        description="Client certificate (PEM).",
    )
    nats_tls_key: Path | None = Field(
        None,
        validation_alias=_from_environment("NATS_TLS_KEY"),
        description="Key of the client certificate (PEM).",
    )
    connection_timeout: float = Field(
        5.0, gt=0, description="Seconds to wait for the server when connecting."
    )
    message_timeout: float = Field(
        30.0, gt=0, description="Seconds a request waits for its answer unless it says otherwise."
    )

    layout: Literal["open", "secured"] = Field(
        "open",
        description="Layout of the subjects: `open`, or `secured`, where each ends in its sender.",
    )
    lease_seconds: float = Field(
        30.0, ge=0.5, description="Seconds after which work of a dead process goes to another."
    )
    max_attempts: int = Field(
        5, ge=1, description="Attempts at a task before it becomes a dead letter."
    )
    retry_seconds: float = Field(
        1.0, ge=0.01, description="Seconds before the first retry; doubles, with jitter, up to 60."
    )
    max_hops: int = Field(
        16, ge=1, description="Longest chain of messages that follow from one another."
    )
    heartbeat_seconds: float = Field(
        30.0, ge=0.1, description="Seconds between two heartbeats of an agent."
    )
    inbox_limit: int = Field(
        1000,
        ge=1,
        description="Messages that may wait per sender, recipient and priority.",
    )
    history_days: float = Field(
        7.0, ge=0.01, le=36_500, description="Days for which the history is kept."
    )
    history_bytes: int = Field(
        1 << 30,
        ge=100_000,
        description="Size of the history in bytes; above it, the oldest entries go.",
    )
    files_bytes: int = Field(
        1 << 30,
        ge=1_000_000,
        description="Size of all files together in bytes; above it, new ones are refused.",
    )
    history_messages: int = Field(
        1_000_000,
        ge=1_000,
        description="Messages in the history; above it, the oldest go.",
    )
    keep_logs_days: float = Field(
        7.0,
        gt=0,
        le=36_500,
        description="Days for which the log of a finished task is kept; unfinished ones stay.",
    )
    keep_logs: int = Field(
        200_000,
        ge=0,
        description="Logs of tasks that are kept; above it, the oldest finished ones go.",
    )
    janitor_seconds: float = Field(
        60.0,
        ge=0.1,
        description="Seconds between two rounds of the janitor, the process that tidies up.",
    )
    grace_seconds: float = Field(
        10.0, ge=0, description="Seconds running work may take to finish at shutdown."
    )
    replicas: int = Field(
        1, ge=1, le=5, description="Copies of every stream in a cluster; 1, 3 or 5."
    )
    data_dir: Path = Field(
        default_factory=_default_data_dir,
        description="Where the embedded server keeps its messages.",
    )
    nats_server: Path | None = Field(
        None, description="The `nats-server` program to run as the embedded server."
    )
    gateway_url: str | None = Field(
        None, repr=False, description="Base URL of the gateway, for links."
    )
    log_dir: Path | None = Field(
        Path("logs"), description="Folder of `agent_activity.log`; empty turns the file off."
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    openai_base_url: str = Field(
        "http://localhost:1234/v1",
        validation_alias=_from_environment("OPENAI_BASE_URL"),
        repr=False,  # so may this one
        description="Any OpenAI-compatible model server.",
    )
    openai_api_key: SecretStr | None = Field(
        None,
        validation_alias=_from_environment("OPENAI_API_KEY"),
        description="Key for the model server, if it wants one.",
    )
    model: str | None = Field(
        None, description="Model name; without it, the first one the server lists."
    )
    model_timeout: float = Field(
        60.0, gt=0, description="Seconds of silence after which a model call is given up."
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).model_fields:  # the usual error would print the value
            raise SettingsError(
                f"{self.variable(name)} is fixed: make a new NATSConfig to change it"
            )
        super().__setattr__(name, value)

    @field_validator("replicas")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("must be 1, 3 or 5")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object, info: ValidationInfo) -> object:
        if value != "" or info.field_name is None:
            return value
        if info.field_name == "log_dir":
            return None
        return cls.model_fields[info.field_name].get_default(call_default_factory=True)

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, `hubbub.toml`, `pyproject.toml`."""
        return (
            init_settings,
            env_settings,
            _read(TomlConfigSettingsSource, settings_cls, "hubbub.toml"),
            _read(PyprojectTomlConfigSettingsSource, settings_cls, "pyproject.toml"),
        )

    @classmethod
    def variable(cls, field: str) -> str:
        """Return the environment variable that sets a field."""
        alias = cls.model_fields[field].validation_alias
        if isinstance(alias, AliasChoices):
            return str(alias.choices[-1])
        return f"HUBBUB_{field.upper()}"


def _read(
    source: type[TomlConfigSettingsSource], settings: type[BaseSettings], file: str
) -> PydanticBaseSettingsSource:
    try:
        return source(settings)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from None
    except AttributeError:
        raise SettingsError(f"{file}: [tool.hubbub] must be a table") from None


def _explain(error: ValidationError) -> str:
    problems: list[str] = []
    for item in error.errors(include_url=False, include_input=False):
        field = str(item["loc"][0]) if item["loc"] else "?"
        if item["type"] == "extra_forbidden":
            problems.append(f"there is no setting {field!r}; `docs/configuration.md` lists them")
            continue
        name = field if field.isupper() else NATSConfig.variable(field)
        what = item["msg"].removeprefix("Value error, ")
        problems.append(f"{name}: {what[:1].lower()}{what[1:]}")
    return "; ".join(problems)
