"""The compose file, the manifest and the Dockerfile agree with the code and with each other."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
import yaml

from hubbub import NATSConfig
from hubbub.gateway.api_keys import new_api_key
from hubbub.gateway.app import create_app
from hubbub.gateway.settings import GatewaySettings
from hubbub.testing import ServerProcess

from .kit import DEPLOY, ROOT, address_of, running

Json = dict[str, Any]

COMPOSE: Json = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OBJECTS: list[Json] = [*yaml.safe_load_all((DEPLOY / "kubernetes/hubbub.yaml").read_text())]

_OURS = {NATSConfig.variable(name) for name in NATSConfig.model_fields} | {
    f"HUBBUB_GATEWAY_{name.upper()}" for name in GatewaySettings.model_fields
}
_OF_THE_SERVER = {
    *re.findall(r"\$(NATS_\w+)", (DEPLOY / "nats/cluster.conf").read_text()),
    *re.findall(r"\$(NATS_\w+)", (DEPLOY / "nats/nats-server.conf").read_text()),
}


def _object(kind: str, name: str) -> Json:
    (found,) = [one for one in OBJECTS if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def _pod(kind: str, name: str) -> tuple[Json, Json]:
    pod: Json = _object(kind, name)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    return pod, container


def _environment(container: Json) -> dict[str, str]:
    """Return a container's variables; what comes from elsewhere is filled with something."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= _object("ConfigMap", source["configMapRef"]["name"])["data"]
    return found | {one["name"]: one.get("value", "from-elsewhere") for one in container["env"]}


POD_NAMES = [
    ("StatefulSet", "hubbub-nats"),
    ("Deployment", "hubbub-gateway"),
    ("Deployment", "hubbub-workers"),
]


def test_every_variable_is_one_that_is_read() -> None:
    for service in ("gateway", "workers"):
        assert set(COMPOSE["services"][service]["environment"]) <= _OURS
    assert set(COMPOSE["services"]["nats"]["environment"]) <= _OF_THE_SERVER
    assert set(_environment(_pod(*POD_NAMES[0])[1])) == _OF_THE_SERVER
    for names in POD_NAMES[1:]:
        assert set(_environment(_pod(*names)[1])) <= _OURS


def test_the_servers_listen_where_others_look_for_them() -> None:
    config = (DEPLOY / "nats/nats-server.conf").read_text()
    listening = set(re.findall(r"0\.0\.0\.0:(\d+)", config))
    published = {port.rpartition(":")[2] for port in COMPOSE["services"]["nats"]["ports"]}
    assert published == listening == {"4222", "9222", "8222"}
    clustered = set(re.findall(r"0\.0\.0\.0:(\d+)", (DEPLOY / "nats/cluster.conf").read_text()))
    _, server = _pod(*POD_NAMES[0])
    assert {str(port["containerPort"]) for port in server["ports"]} == clustered
    service = _object("Service", "hubbub-nats")["spec"]
    assert {str(port["port"]) for port in service["ports"]} == clustered


def test_the_cluster_knows_its_members() -> None:
    spec = _object("StatefulSet", "hubbub-nats")["spec"]
    members = [f"hubbub-nats-{number}.{spec['serviceName']}" for number in range(spec["replicas"])]
    variables = _environment(_pod(*POD_NAMES[0])[1])
    for number, member in enumerate(members, 1):
        route = f"nats://route:$(NATS_ROUTE_PASSWORD)@{member}:6222"
        assert variables[f"NATS_ROUTE_{number}"] == route
    # A variable can refer to those above it only.
    names = [one["name"] for one in _pod(*POD_NAMES[0])[1]["env"]]
    assert names.index("NATS_ROUTE_PASSWORD") < names.index("NATS_ROUTE_1")
    shared = _object("ConfigMap", "hubbub")["data"]
    assert shared["NATS_URL"] == ",".join(f"nats://{member}:4222" for member in members)
    assert int(shared["HUBBUB_REPLICAS"]) == len(members)
    kept = _object("ConfigMap", "hubbub-nats")["data"]["cluster.conf"]
    assert kept == (DEPLOY / "nats/cluster.conf").read_text()


def test_selectors_find_their_pods() -> None:
    labels = {
        name: _object(kind, name)["spec"]["template"]["metadata"]["labels"]
        for kind, name in POD_NAMES
    }
    for kind, name in POD_NAMES:
        assert _object(kind, name)["spec"]["selector"]["matchLabels"].items() <= (
            labels[name].items()
        )
    for kind in ("Service", "PodDisruptionBudget"):
        for one in OBJECTS:
            if one["kind"] == kind:
                selector = one["spec"]["selector"]
                wanted = selector.get("matchLabels", selector)
                assert wanted.items() <= labels[one["metadata"]["name"]].items()


def test_mounts_and_secrets_are_there() -> None:
    for kind, name in POD_NAMES:
        pod, container = _pod(kind, name)
        claims = _object(kind, name)["spec"].get("volumeClaimTemplates", ())
        volumes = {one["name"] for one in pod.get("volumes", ())}
        volumes |= {one["metadata"]["name"] for one in claims}
        assert {one["name"] for one in container.get("volumeMounts", ())} == volumes
        text = str(container["env"])
        assert set(re.findall(r"'secretKeyRef': {'name': '(\w+)'", text)) == {"hubbub"}
    notes = (DEPLOY / "kubernetes/hubbub.yaml").read_text().partition("apiVersion")[0]
    for key in ("nats-password", "nats-route-password", "api-keys.json"):
        assert key in notes


def test_the_probes_ask_what_the_gateway_answers() -> None:
    _, container = _pod("Deployment", "hubbub-gateway")
    routes = create_app().openapi()["paths"]
    (port,) = container["ports"]
    assert f"--port={port['containerPort']}" in container["args"]
    hosts = _json(_environment(container)["HUBBUB_GATEWAY_ALLOWED_HOSTS"])
    for probe in ("livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert asked["path"] in routes
        assert asked["port"] == port["name"]
        (header,) = asked["httpHeaders"]
        assert header["name"] == "Host"
        assert header["value"] in hosts
    service = _object("Service", "hubbub-gateway")["spec"]
    assert service["ports"][0]["targetPort"] == port["name"]
    assert GatewaySettings().port == port["containerPort"]
    gateway = COMPOSE["services"]["gateway"]
    assert "/readyz" in gateway["healthcheck"]["test"][-1]
    assert "--port=8400" in gateway["command"]
    assert gateway["ports"] == ["127.0.0.1:8400:8400"]


def test_workers_may_finish_before_they_are_killed() -> None:
    pod, container = _pod("Deployment", "hubbub-workers")
    grace = float(_environment(container)["HUBBUB_GRACE_SECONDS"])
    assert pod["terminationGracePeriodSeconds"] > grace + 5
    workers = COMPOSE["services"]["workers"]
    assert _seconds(workers["stop_grace_period"]) > (
        float(workers["environment"]["HUBBUB_GRACE_SECONDS"]) + 5
    )
    pod, container = _pod("Deployment", "hubbub-gateway")
    wait = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > wait + GatewaySettings().shutdown_seconds


def test_nobody_is_root_and_every_image_is_named() -> None:
    for kind, name in POD_NAMES:
        pod, container = _pod(kind, name)
        assert pod["securityContext"]["runAsNonRoot"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        image = container["image"]
        assert image == ("nats:2.15-alpine" if name == "hubbub-nats" else "hubbub")
    assert COMPOSE["services"]["nats"]["image"] == "nats:2.15-alpine"
    assert "USER 10001" in (DEPLOY / "Dockerfile").read_text()


def test_what_is_copied_and_mounted_is_there() -> None:
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                ignored = (DEPLOY / "Dockerfile.dockerignore").read_text()
                assert f"!{source.removeprefix('./')}" in ignored
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", ()):
            source = cast("str", volume).partition(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).resolve().exists(), source
        if build := service.get("build"):
            assert (DEPLOY / build["context"] / build["dockerfile"]).resolve().is_file()
    served = COMPOSE["services"]["workers"]["command"][-1]
    assert (ROOT / "examples/learning_chat" / served).is_file()


@pytest.mark.parametrize("where", ["compose", "kubernetes"])
async def test_the_gateway_starts_with_the_command_that_is_written_there(
    where: str, tmp_path: Path, own_server: ServerProcess
) -> None:
    if where == "compose":
        service = COMPOSE["services"]["gateway"]
        command, environment = service["command"], dict[str, str](service["environment"])
    else:
        _, container = _pod("Deployment", "hubbub-gateway")
        command = [*container["command"], *container["args"]]
        environment = _environment(container)
    keys = tmp_path / "api-keys.json"
    keys.write_bytes(msgspec.json.encode([new_api_key("ada")[1]]))
    environment |= {"HUBBUB_GATEWAY_API_KEYS_FILE": str(keys), "NATS_URL": own_server.url}
    for name in ("NATS_USER", "NATS_PASSWORD", "HUBBUB_REPLICAS"):
        environment.pop(name, None)
    program = [str(Path(_scripts()) / command[0]), *command[1:]]
    on_this_machine = [
        word.replace("--host=0.0.0.0", "--host=127.0.0.1").replace("--port=8400", "--port=0")
        for word in program
    ]
    async with running(*on_this_machine, cwd=tmp_path, environment=environment) as gateway:
        url = await address_of(gateway)
        async with httpx.AsyncClient(base_url=url) as client:
            for path, code in (("/healthz", 200), ("/readyz", 200), ("/api/tasks", 401)):
                answer = await client.get(path, headers={"Host": "localhost"})
                assert answer.status_code == code


def _scripts() -> str:
    return sysconfig.get_path("scripts")


def _json(text: str) -> Any:
    return msgspec.json.decode(text.encode())


def _seconds(text: str) -> float:
    assert text.endswith("s")
    return float(text[:-1])
