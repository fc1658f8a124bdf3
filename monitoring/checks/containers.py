"""The QA stack holds together: what it refers to exists, and nothing in it is open or unbounded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from monitoring.checks import files
from monitoring.checks.programs import COMPOSE

PROCFILE: Final = "Procfile"
DOCKERFILE: Final = "Dockerfile"
IGNORED: Final = ".dockerignore"
_SECRET_NAME: Final = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY$|SLACK_URL")
_UNVERSIONED: Final = re.compile(r"^(ARG PYTHON=|FROM )\w+$", re.MULTILINE)
_BAKED_SECRET: Final = re.compile(r"^(ENV|ARG)\b.*(PASSWORD|SECRET|TOKEN)", re.MULTILINE)
_ONE_SHOT: Final = ("migrate", "seed")
_DEFAULT: Final = re.compile(r"\$\{\w+:-([^}]*)\}")
_NEEDED_IN_IMAGE: Final = ("manage.py", "requirements/runtime.txt", "config/", "helpdesk/", "slo/")
type Service = dict[str, Any]


def compose(root: Path) -> Iterator[str]:
    """Yield what Docker Compose would only say when it starts the stack, or never."""
    text = files.text(root, COMPOSE)
    document = yaml.safe_load(text)
    for name, service in document.get("services", {}).items():
        for fault in _service_faults(root, document, service):
            yield f"{COMPOSE}: {name} {fault}"
    for variable, default in re.findall(r"\$\{(\w+):?([^}]*)\}", text):
        if _SECRET_NAME.search(variable) and not default.startswith("?"):
            yield f"{COMPOSE}: {variable} must be required, as in ${{{variable}:?set it}}"


def processes(root: Path) -> Iterator[str]:
    """Yield each process type that runs in one of Procfile and stack, or differently in both."""
    lines = [line for line in files.text(root, PROCFILE).splitlines() if line[:1] not in {"", "#"}]
    declared = dict(line.split(": ", 1) for line in lines)
    services = files.document(root, COMPOSE)["services"]
    ours = {name for name, service in services.items() if "build" in service} - set(_ONE_SHOT)
    for name in sorted(ours ^ set(declared)):
        yield f"{COMPOSE}: {name} is a process type of only one of this file and {PROCFILE}"
    hosts = {name: services[name].get("hostname") for name in ours}
    for name in sorted(ours & set(declared)):
        if _comparable(services[name]["command"]) != _comparable(declared[name]):
            yield f"{COMPOSE}: {name} runs another command than in {PROCFILE}: {declared[name]}"
        if hosts[name] != name:
            yield f"{COMPOSE}: {name} needs its name as hostname: its metric files are named by it"


def dockerfile(root: Path) -> Iterator[str]:
    """Yield each rule of the image that the Dockerfile breaks."""
    text = files.text(root, DOCKERFILE)
    stages = re.findall(r"^FROM \S+ AS (\S+)", text, flags=re.MULTILINE)
    users = re.findall(r"^USER (\S+)", text, flags=re.MULTILINE)
    faults = {
        "has one stage: build tools and caches would ship": len(set(stages)) <= 1,
        "runs as root": not users or users[-1].split(":")[0] in {"root", "0"},
        "installs without --require-hashes": _installs_unhashed(text),
        "does not collect static files": "collectstatic" not in text,
        "names an image without a version": re.search(
            r"^(ARG PYTHON=|FROM )\w+$", text, re.MULTILINE
        ),
        "sets a secret": _BAKED_SECRET.search(text),
    }
    yield from (f"{DOCKERFILE}: {fault}" for fault, is_so in faults.items() if is_so)
    for stage in re.findall(r"--from=(\S+)", text):
        if stage not in stages:
            yield f"{DOCKERFILE}: copies from {stage!r}, which is no stage"


def dockerignore(root: Path) -> Iterator[str]:
    """Yield what the image needs and is not sent, or could be sent and must not."""
    lines = [line for line in files.text(root, IGNORED).split("\n") if line[:1] not in {"", "#"}]
    if not lines or lines[0] != "*":
        yield f"{IGNORED}: does not begin with '*': .env files and .run would reach the image"
    for needed in _NEEDED_IN_IMAGE:
        if f"!{needed}" not in lines:
            yield f"{IGNORED}: {needed} is not sent, and the image needs it"


def _service_faults(root: Path, document: dict[str, Any], service: Service) -> Iterator[str]:
    yield from _waits(document["services"], service)
    yield from _references(root, document, service)
    yield from _openness(service)
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    if not {"cpus", "memory", "pids"} <= set(limits):
        yield "has no limit of cpus, memory and pids"
    if service.get("stop_grace_period") != "45s":
        yield "has no stop_grace_period of 45s: a stop would cut a job off"
    if not re.search(r":[\w.-]*\d", service.get("image", "")) and "build" not in service:
        yield f"has the image {service.get('image')!r} without a version"


def _waits(services: dict[str, Service], service: Service) -> Iterator[str]:
    for other, wait in service.get("depends_on", {}).items():
        if other not in services:
            yield f"depends on {other!r}, which is no service"
        elif wait["condition"] == "service_healthy" and "healthcheck" not in services[other]:
            yield f"waits until {other} is healthy, and {other} has no healthcheck"


def _references(root: Path, document: dict[str, Any], service: Service) -> Iterator[str]:
    for kind in ("secrets", "networks"):
        for used in set(service.get(kind, [])) - set(document.get(kind, {})):
            yield f"uses {used!r}, which {kind} does not declare"
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            if not (root / source).exists():
                yield f"mounts {source}, which does not exist"
        elif source not in document.get("volumes", {}):
            yield f"mounts {source!r}, which volumes does not declare"


def _openness(service: Service) -> Iterator[str]:
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            yield f"publishes {port} beyond this machine"
    if service.get("privileged") or service.get("user") in {"root", "0"}:
        yield "runs with the rights of root"
    if service.get("cap_drop") != ["ALL"]:
        yield "keeps capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "may gain privileges"
    if "build" not in service and "user" not in service:
        yield "names no user to run as"


def _installs_unhashed(text: str) -> bool:
    installs = [line for line in text.replace("\\\n", " ").split("\n") if "pip install" in line]
    return not installs or any("--require-hashes" not in line for line in installs)


def _comparable(command: str) -> str:
    # On one machine a process listens on loopback, in a container to the network it is on.
    return _DEFAULT.sub(r"\1", command).replace("-b 127.0.0.1", "-b 0.0.0.0").strip()
