from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Any, cast

import pytest

from hubbub.errors import SettingsError
from hubbub.settings import NATSConfig

OWN_NAMES = {
    "nats_url": "NATS_URL",
    "nats_user": "NATS_USER",
    "nats_password": "NATS_PASSWORD",
    "nats_token": "NATS_TOKEN",
    "nats_creds": "NATS_CREDS",
    "nats_nkey_seed": "NATS_NKEY_SEED",
    "nats_tls_ca": "NATS_TLS_CA",
    "nats_tls_cert": "NATS_TLS_CERT",
    "nats_tls_key": "NATS_TLS_KEY",
    "openai_base_url": "OPENAI_BASE_URL",
    "openai_api_key": "OPENAI_API_KEY",
}
SECRETS = ["nats_password", "nats_token", "nats_nkey_seed", "openai_api_key"]

# A value for every setting, as a variable holds it, and as the object shows it.
SAMPLES: dict[str, tuple[str, Any]] = {
    "nats_url": ("nats://one:4222,nats://two:4222", "nats://one:4222,nats://two:4222"),
    "nats_user": ("ann", "ann"),
    "nats_password": ("pw", "pw"),
    "nats_token": ("tk", "tk"),
    "nats_creds": ("me.creds", Path("me.creds")),
    "nats_nkey_seed": ("SUA", "SUA"),
    "nats_tls_ca": ("ca.pem", Path("ca.pem")),
    "nats_tls_cert": ("cert.pem", Path("cert.pem")),
    "nats_tls_key": ("key.pem", Path("key.pem")),
    "connection_timeout": ("2.5", 2.5),
    "message_timeout": ("60", 60.0),
    "layout": ("secured", "secured"),
    "lease_seconds": ("0.5", 0.5),
    "max_attempts": ("1", 1),
    "retry_seconds": ("0.01", 0.01),
    "max_hops": ("7", 7),
    "heartbeat_seconds": ("0.1", 0.1),
    "inbox_limit": ("10", 10),
    "history_days": ("0.5", 0.5),
    "history_bytes": ("1048576", 1_048_576),
    "files_bytes": ("1000000", 1_000_000),
    "history_messages": ("1000", 1_000),
    "keep_logs_days": ("0.5", 0.5),
    "keep_logs": ("0", 0),
    "janitor_seconds": ("0.1", 0.1),
    "grace_seconds": ("0", 0.0),
    "replicas": ("3", 3),
    "data_dir": ("store", Path("store")),
    "nats_server": ("bin/nats-server", Path("bin/nats-server")),
    "gateway_url": ("http://gateway", "http://gateway"),
    "log_dir": ("log", Path("log")),
    "log_level": ("debug", "DEBUG"),
    "openai_base_url": ("http://model/v1", "http://model/v1"),
    "openai_api_key": ("sk", "sk"),
    "model": ("qwen", "qwen"),
    "model_timeout": ("5", 5.0),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, and an environment that sets nothing."""
    for name in list(os.environ):
        if name.upper().startswith(("HUBBUB_", "NATS_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(config: NATSConfig, field: str) -> Any:
    value = getattr(config, field)
    return value.get_secret_value() if field in SECRETS and value is not None else value


# Where values come from


@pytest.mark.parametrize("field", NATSConfig.model_fields)
def test_every_setting_says_what_it_is_and_has_a_sample_here(field: str) -> None:
    assert NATSConfig.model_fields[field].description
    assert field in SAMPLES


def test_the_defaults_are_the_documented_ones(folder: Path) -> None:
    config = NATSConfig()
    assert config.nats_url is None
    assert (config.connection_timeout, config.message_timeout) == (5, 30)
    assert (config.lease_seconds, config.max_attempts, config.max_hops) == (30, 5, 16)
    assert (config.heartbeat_seconds, config.inbox_limit, config.replicas) == (30, 1000, 1)
    assert config.openai_base_url == "http://localhost:1234/v1"
    assert config.log_dir == Path("logs")
    assert config.layout == "open"
    assert config.data_dir.name == "hubbub"
    assert config.data_dir.is_absolute()


@pytest.mark.parametrize("field", SAMPLES)
def test_a_setting_is_read_from_its_variable(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, value = SAMPLES[field]
    monkeypatch.setenv(NATSConfig.variable(field), text)
    assert shown(NATSConfig(), field) == value


@pytest.mark.parametrize("field", SAMPLES)
def test_a_setting_is_given_as_an_argument_in_lower_case(field: str) -> None:
    text, value = SAMPLES[field]
    assert shown(NATSConfig(**{field: text}), field) == value


@pytest.mark.parametrize("field", SAMPLES)
@pytest.mark.parametrize(
    ("file", "head"), [("hubbub.toml", ""), ("pyproject.toml", "[tool.hubbub]\n")]
)
def test_a_setting_is_read_from_a_file(field: str, file: str, head: str, folder: Path) -> None:
    text, value = SAMPLES[field]
    (folder / file).write_text(f'{head}{field} = "{text}"\n')
    assert shown(NATSConfig(), field) == value


@pytest.mark.parametrize("field", SAMPLES)
def test_variables_have_their_own_names_or_our_prefix(field: str) -> None:
    assert NATSConfig.variable(field) == OWN_NAMES.get(field, f"HUBBUB_{field.upper()}")


@pytest.mark.parametrize(("field", "low", "high"), [("nats_url", "a", "b"), ("max_hops", 2, 3)])
def test_arguments_beat_variables_beat_hubbub_toml_beats_pyproject(
    field: str, low: Any, high: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = NATSConfig.variable(field)
    literal = {"a": '"a"', "b": '"b"', 2: "2", 3: "3"}

    (folder / "pyproject.toml").write_text(f"[tool.hubbub]\n{field} = {literal[low]}\n")
    assert getattr(NATSConfig(), field) == low

    (folder / "hubbub.toml").write_text(f"{field} = {literal[high]}\n")
    assert getattr(NATSConfig(), field) == high

    monkeypatch.setenv(variable, str(low))
    assert getattr(NATSConfig(), field) == low

    assert getattr(NATSConfig(**{field: high}), field) == high


def test_sources_are_merged_setting_by_setting(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pyproject.toml").write_text("[tool.hubbub]\nmax_hops = 2\nmax_attempts = 2\n")
    (folder / "hubbub.toml").write_text("max_hops = 3\n")
    monkeypatch.setenv("HUBBUB_INBOX_LIMIT", "4")
    config = NATSConfig(nats_url="nats://here")
    assert (config.max_hops, config.max_attempts, config.inbox_limit) == (3, 2, 4)
    assert config.nats_url == "nats://here"


@pytest.mark.parametrize("name", ["MODEL", "REPLICAS", "LAYOUT", "DATA_DIR", "LOG_LEVEL"])
def test_variables_of_others_set_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = NATSConfig()
    monkeypatch.setenv(name, "7")
    assert NATSConfig() == before


@pytest.mark.parametrize("field", [field for field in SAMPLES if field != "log_dir"])
def test_an_empty_variable_counts_as_not_set(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unset = NATSConfig()
    monkeypatch.setenv(NATSConfig.variable(field), "")
    assert NATSConfig() == unset


def test_an_empty_log_folder_turns_the_file_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBBUB_LOG_DIR", "")
    assert NATSConfig().log_dir is None


@pytest.mark.skipif(os.name == "nt", reason="no such folders there")
def test_the_data_folder_follows_the_users_base_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert NATSConfig().data_dir == tmp_path / "data" / "hubbub"
    monkeypatch.setenv("XDG_DATA_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert NATSConfig().data_dir == tmp_path / ".local" / "share" / "hubbub"


# What is refused

WRONG_VALUES = [
    ("connection_timeout", ["0", "-1", "soon", "nan", "inf"]),
    ("message_timeout", ["0", "-1", "1 s", "inf"]),
    ("lease_seconds", ["0.4", "0", "nan", "inf"]),
    ("max_attempts", ["0", "-1", "1.5", "many"]),
    ("retry_seconds", ["0", "-inf"]),
    ("max_hops", ["0", "x"]),
    ("heartbeat_seconds", ["0", "nan"]),
    ("inbox_limit", ["0", "1e3x"]),
    ("history_days", ["0", "-1", "40000", "nan", "inf"]),
    ("history_bytes", ["0", "99999", "1 GiB"]),
    ("files_bytes", ["0", "999999", "1 GiB"]),
    ("history_messages", ["0", "999", "many"]),
    ("grace_seconds", ["-1", "inf"]),
    ("replicas", ["0", "2", "4", "6", "x"]),
    ("layout", ["closed", "OPEN"]),
    ("log_level", ["LOUD", "7"]),
    ("model_timeout", ["0", "inf"]),
]
wrong_values = pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG_VALUES for value in values]
)


@wrong_values
def test_a_wrong_value_names_its_variable(
    field: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NATSConfig.variable(field), value)
    with pytest.raises(
        SettingsError, match=f"^{NATSConfig.variable(field)}: (input )?(should|must)"
    ):
        NATSConfig()


@wrong_values
def test_a_wrong_argument_or_line_of_a_file_does_too(field: str, value: str, folder: Path) -> None:
    variable = NATSConfig.variable(field)
    with pytest.raises(SettingsError, match=variable):
        NATSConfig(**{field: value})
    (folder / "hubbub.toml").write_text(f'{field} = "{value}"\n')
    with pytest.raises(SettingsError, match=variable):
        NATSConfig()


@pytest.mark.parametrize("field", OWN_NAMES)
def test_a_value_of_the_wrong_type_names_the_variable_not_the_field(field: str) -> None:
    with pytest.raises(SettingsError, match=f"^{OWN_NAMES[field]}: "):
        NATSConfig(**{field: cast("Any", 5)})


def test_all_wrong_values_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        NATSConfig(max_hops=0, replicas=2, nats_url=cast("Any", 5))
    for variable in ("HUBBUB_MAX_HOPS", "HUBBUB_REPLICAS", "NATS_URL"):
        assert variable in str(caught.value)


@pytest.mark.parametrize("file", ["hubbub.toml", "pyproject.toml"])
@pytest.mark.parametrize("text", [b"max_hops = = 3", b"\xff\xfe", b'a = "'], ids=repr)
def test_a_file_that_is_no_toml_is_named(file: str, text: bytes, folder: Path) -> None:
    (folder / file).write_bytes(text)
    with pytest.raises(SettingsError, match=f"^{file} cannot be read"):
        NATSConfig()


@pytest.mark.parametrize(
    "text", ["tool = 5", "[tool]\nhubbub = 5", "[[tool.hubbub]]\nmax_hops = 3"]
)
def test_a_project_file_with_something_else_in_our_place_is_named(text: str, folder: Path) -> None:
    (folder / "pyproject.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"pyproject\.toml: \[tool\.hubbub\] must be a table"):
        NATSConfig()


def test_a_project_file_of_others_is_no_concern_of_ours(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "theirs"\n[tool.other]\nmax_hops = 1\n'
    )
    assert NATSConfig().max_hops == 16


# What is never told

HIDDEN = "hunter2"
URL = f"nats://ann:{HIDDEN}@here:4222"


@pytest.mark.parametrize("field", [*SECRETS, "nats_url", "openai_base_url", "gateway_url"])
def test_a_secret_is_never_printed(field: str) -> None:
    config = NATSConfig(**{field: HIDDEN if field in SECRETS else URL})
    assert HIDDEN in shown(config, field)
    for text in (repr(config), str(config), f"{config}", repr([config]), repr({"c": config})):
        assert HIDDEN not in text
    if field in SECRETS:
        assert HIDDEN not in config.model_dump_json()
        assert HIDDEN not in str(config.model_dump())


@pytest.mark.parametrize("field", [*SECRETS, "nats_url"])
def test_a_secret_is_never_part_of_an_error(
    field: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = HIDDEN if field in SECRETS else URL
    attempts = [
        {field: secret, "max_hops": 0},
        {field: [secret]},
        {field: {"value": secret}},
        {field: secret.encode() + b"\xff"},
        {field: secret, "log_level": secret},
    ]
    for arguments in attempts:
        assert HIDDEN not in error_text(arguments)
    monkeypatch.setenv(NATSConfig.variable(field), secret)
    monkeypatch.setenv("HUBBUB_REPLICAS", secret)
    assert HIDDEN not in error_text({})
    monkeypatch.delenv("HUBBUB_REPLICAS")
    (folder / "hubbub.toml").write_text(f'{field} = "{secret}\nmax_hops = 3')
    assert HIDDEN not in error_text({})


def error_text(arguments: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as caught:
        NATSConfig(**arguments)
    summary = traceback.TracebackException.from_exception(caught.value)
    return str(caught.value) + repr(caught.value) + "".join(summary.format_exception_only())


@pytest.mark.parametrize("field", SAMPLES)
def test_settings_cannot_be_changed(field: str) -> None:
    config = NATSConfig()
    before = getattr(config, field)
    with pytest.raises(SettingsError, match=f"^{NATSConfig.variable(field)} is fixed") as caught:
        setattr(config, field, HIDDEN)
    assert HIDDEN not in str(caught.value)
    assert getattr(config, field) == before


def test_settings_are_equal_by_value() -> None:
    assert NATSConfig(max_hops=3, nats_password=cast("Any", "pw")) == NATSConfig(
        max_hops=3, nats_password=cast("Any", "pw")
    )
    assert NATSConfig(max_hops=3) != NATSConfig(max_hops=4)
