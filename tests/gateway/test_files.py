"""Files over HTTP: stored and read back as streams, by whom they belong to."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

import hubbub
from hubbub import Agent, NATSConfig, Task
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import ServerProcess

from .kit import check_problem, ended, gateway
from .test_sessions import SAME, sign_in

Named = Callable[[str], str]
MIB = 1 << 20


async def test_a_file_comes_back_as_it_was(config: NATSConfig, tmp_path: Path) -> None:
    data = secrets.token_bytes(3 * MIB + 17)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    async with (
        gateway(config, tmp_path) as door,
        door.client("ada") as ada,
        door.client("bob") as bob,
        door.client("vic") as vic,
        door.client(None) as nobody,
    ):
        for body in (data, pieces()):
            stored = await ada.post(
                "/api/files",
                params={"name": "a/b é\u201d.PNG"},
                content=body,
                headers={"content-type": "image/PNG; x=y"},
            )
            assert stored.status_code == 201, stored.text
            file = stored.json()
            assert file == {
                "id": file["id"],
                "name": "a/b é\u201d.PNG",
                "media_type": "image/png",
                "size": len(data),
                "url": f"/api/files/{file['id']}",
            }
            assert len(file["id"]) == 32
            for client in (ada, vic):
                read = await client.get(file["url"])
                assert read.status_code == 200
                assert read.content == data
            assert read.headers["content-type"] == "image/png"
            assert read.headers["content-length"] == str(len(data))
            assert read.headers["content-disposition"] == (
                "inline; filename*=UTF-8''a%2Fb%20%C3%A9%E2%80%9D.PNG"
            )
            assert read.headers["content-security-policy"] == "sandbox; default-src 'none'"
            assert read.headers["x-content-type-options"] == "nosniff"
            assert read.headers["cache-control"] == "private, no-cache"
            again = await ada.get(file["url"], headers={"if-none-match": read.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            check_problem(await bob.get(file["url"]), 404, "file-not-found")
            check_problem(await nobody.get(file["url"]), 401)
        check_problem(await nobody.post("/api/files", params={"name": "x"}, content=b"x"), 401)


async def test_only_pictures_are_shown_in_place(open_config: NATSConfig) -> None:
    async with gateway(open_config) as door, door.client() as client:
        for kind, shown in (
            ("image/jpeg", "inline"),
            ("image/webp", "inline"),
            ("image/gif", "inline"),
            ("image/svg+xml", "attachment"),
            ("text/html", "attachment"),
            ("application/pdf", "attachment"),
        ):
            stored = await client.post(
                "/api/files",
                params={"name": "x"},
                content=b"<script>alert(1)</script>",
                headers={"content-type": kind},
            )
            read = await client.get(stored.json()["url"])
            assert read.headers["content-disposition"].startswith(f"{shown};"), kind
            assert read.headers["content-type"].partition(";")[0] == kind
        empty = await client.post("/api/files", params={"name": "empty"}, content=b"")
        assert (empty.json()["size"], empty.json()["media_type"]) == (0, "application/octet-stream")
        assert (await client.get(empty.json()["url"])).content == b""


async def test_what_cannot_be_stored(open_config: NATSConfig) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 100_000

    async with (
        hubbub.connect(config=open_config) as mesh,
        gateway(open_config, max_file_bytes=MIB) as door,
        door.client() as client,
    ):
        named = {"name": "x"}
        fits = await client.post("/api/files", params=named, content=b"x" * MIB)
        assert fits.status_code == 201
        before = (await mesh.connection.api("STREAM.INFO.OBJ_files"))["state"]["messages"]
        whole = await client.post("/api/files", params=named, content=b"x" * (MIB + 1))
        check_problem(whole, 413, "body-too-large")
        check_problem(await client.post("/api/files", params=named, content=chunks()), 413)
        after = (await mesh.connection.api("STREAM.INFO.OBJ_files"))["state"]["messages"]
        assert after == before  # what had come of it is gone
        # The larger limit is that of this route alone.
        other = await client.post("/api/messages", content=b"x" * (MIB + 1))
        check_problem(other, 413)
        for params, kind in (
            ({}, "image/png"),
            ({"name": ""}, "image/png"),
            ({"name": "x" * 201}, "image/png"),
            ({"name": "a\nb"}, "image/png"),
            (named, "picture"),
            (named, "image/png/x"),
        ):
            headers = {"content-type": kind}
            refused = await client.post("/api/files", params=params, content=b"", headers=headers)
            check_problem(refused, 422)
        for unknown in ("0" * 32, "x", "..%2f..", "*", "a" * 64):
            check_problem(await client.get(f"/api/files/{unknown}"), 404)


async def test_a_page_that_is_signed_in_stores_files(
    open_config: NATSConfig, tmp_path: Path
) -> None:
    async with gateway(open_config, tmp_path) as door, door.client(None) as client:
        signed = await sign_in(client, door.keys["ada"])
        params = {"name": "x"}
        foreign = await client.post("/api/files", params=params, content=b"x", headers=signed)
        check_problem(foreign, 403, "foreign-origin")
        headers = {**signed, **SAME}
        stored = await client.post("/api/files", params=params, content=b"x", headers=headers)
        assert (await client.get(stored.json()["url"], headers=signed)).content == b"x"


async def test_agents_read_files_and_make_some(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = Agent(name("Shouter"))

    @agent.agentic_run
    async def work(task: Task) -> str:
        data, file = await task.read_file(task.metadata["files"][0]["id"])
        assert (file.name, file.owner, file.media_type) == ("a.txt", "ada", "text/plain")
        made = await task.put_file(data.upper(), name="b.txt", media_type="text/plain")
        return made.id

    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config, tmp_path) as door,
        door.client("ada") as ada,
        door.client("bob") as bob,
    ):
        stored = await ada.post(
            "/api/files",
            params={"name": "a.txt"},
            content=b"hello",
            headers={"content-type": "text/plain"},
        )
        file = {key: value for key, value in stored.json().items() if key != "url"}
        body = {"agent": agent.name, "content": "shout", "metadata": {"files": [file]}}
        sent = await ada.post("/api/messages", json=body)
        made = (await ended(ada, sent.json()["task_id"]))["result"]
        # It was made for her.
        assert (await ada.get(f"/api/files/{made}")).content == b"HELLO"
        check_problem(await bob.get(f"/api/files/{made}"), 404)


async def test_without_nats_no_file_is_taken(own_server: ServerProcess) -> None:
    config = NATSConfig(nats_url=own_server.url)
    async with gateway(config) as door, door.client() as client:
        own_server.kill()
        while (await client.get("/readyz")).status_code == 200:
            pass
        stored = await client.post("/api/files", params={"name": "x"}, content=b"x")
        check_problem(stored, 503, "mesh-unavailable")
        check_problem(await client.get(f"/api/files/{'0' * 32}"), 503, "mesh-unavailable")


async def test_no_more_files_than_there_is_room_for(own_server: ServerProcess) -> None:
    config = NATSConfig(nats_url=own_server.url, files_bytes=3 * MIB)
    async with (
        hubbub.connect(config=config) as mesh,
        gateway(config) as door,
        door.client() as client,
    ):
        kept = await client.post("/api/files", params={"name": "one"}, content=b"1" * 2 * MIB)
        assert kept.status_code == 201
        for _ in range(3):  # what is left of one that does not fit takes no room
            refused = await client.post(
                "/api/files", params={"name": "two"}, content=b"2" * 2 * MIB
            )
            problem = check_problem(refused, 507, "files-full")
            assert "HUBBUB_FILES_BYTES" in problem["detail"]
        with pytest.raises(hubbub.FilesFull):
            await mesh.put_file(b"3" * 2 * MIB, name="three")
        small = await client.post("/api/files", params={"name": "small"}, content=b"4" * 1_000)
        assert small.status_code == 201
        assert (await client.get(kept.json()["url"])).content == b"1" * 2 * MIB
        # Nothing else is harmed by it.
        sent = await mesh.send_direct_message("Away", "x")
        assert (await mesh.find_task(sent.task_id)).content == "x"


async def test_the_limit_stays_what_somebody_has_set(own_server: ServerProcess) -> None:
    config = NATSConfig(nats_url=own_server.url)
    async with hubbub.connect(config=NATSConfig(nats_url=own_server.url, files_bytes=MIB)) as mesh:
        await ensure_streams(mesh.connection)
    async with hubbub.connect(config=config) as mesh:
        await ensure_streams(mesh.connection)
        info = await mesh.connection.api("STREAM.INFO.OBJ_files")
        assert info["config"]["max_bytes"] == MIB
