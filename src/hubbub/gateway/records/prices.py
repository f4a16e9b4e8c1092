"""What models cost, as far as whoever runs the gateway has told it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hubbub.errors import SettingsError

__all__ = ["Price", "Prices", "read_prices"]


class Price(BaseModel):
    """What a model costs, in USD per million tokens."""

    model_config = ConfigDict(extra="forbid")

    input: float = Field(ge=0, description="Of what it is sent.")
    output: float = Field(ge=0, description="Of what it answers.")


class Prices(BaseModel):
    """What models cost."""

    prices: dict[str, Price] = Field(description="By the name of the model.")


_READ = TypeAdapter(dict[str, Price])


def read_prices(file: Path) -> dict[str, Price]:
    """Read a file of prices: a JSON object of `Price` by model.

    Raises:
        SettingsError: it cannot be read, or is none.
    """
    try:
        return _READ.validate_json(file.read_bytes())
    except OSError as error:
        raise SettingsError(f"HUBBUB_GATEWAY_PRICES_FILE: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise SettingsError(
            f"HUBBUB_GATEWAY_PRICES_FILE: {file}: {where}: {first['msg']}; it must be such as "
            '{"gpt-5": {"input": 1.25, "output": 10}}'
        ) from None
