"""The requirements that an Azure ML environment declares: the pip section of its conda file."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from adfkit.local_azure.errors import AzureError, LocalAzureError, not_implemented
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, Json, PutHook
from adfkit.local_azure.services.machine_learning import errors

logger = logging.getLogger(__name__)

WITHOUT_CONDA: Final = frozenset({"python", "pip"})
"""Conda packages that a virtual environment has anyway; any other one is refused."""

_builds: Final[set[asyncio.Task[None]]] = set()


def building(put: PutHook | None) -> PutHook:
    """A hook that builds the environment in the background once its version is put, so that the first job finds it."""
    assert put is not None  # noqa: S101 - the type of versions has one

    async def put_and_build(request: ArmRequest) -> Json:
        body = await put(request)
        properties = body.get("properties") or {}
        text = requirements_of(properties, f"{request.id.names[-2]}:{request.id.name}")
        task = asyncio.create_task(_build(request.platform, text, request.id.name))
        _builds.add(task)
        task.add_done_callback(_builds.discard)
        return body

    return put_and_build


async def stop_builds() -> None:
    """End the builds in the background; a job that needs one of them begins it anew."""
    builds = list(_builds)
    for build in builds:
        build.cancel()
    await asyncio.gather(*builds, return_exceptions=True)


async def _build(platform: Platform, text: str, name: str) -> None:
    try:
        await platform.environments.ensure(text, name=f"environment {name}")
    except LocalAzureError as error:
        logger.warning("environment %s is not built yet; a job that needs it tries again: %s", name, error)


def requirements(environment: Resource) -> str:
    """The text of a requirements file for an environment version; empty where it is a bare image.

    Raises:
        AzureError: 501 for a Docker build or conda packages, 400 for a conda file that is not one.
    """
    return requirements_of(environment.properties, f"{environment.id.split('/')[-3]}:{environment.name}")


def requirements_of(properties: Mapping[str, Any], label: str) -> str:
    """The same for the properties of a version that is not stored yet; `label` names it in errors."""
    if properties.get("build"):
        raise not_implemented(f"environments built from a Dockerfile ({label}); give an image and a conda file")
    text = properties.get("condaFile")
    if not text:
        return ""
    try:
        conda = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _invalid(label, str(error)) from error
    dependencies = conda.get("dependencies") if isinstance(conda, dict) else None
    if not isinstance(dependencies, list):
        raise _invalid(label, "it has no list of dependencies")
    lines: list[str] = []
    for dependency in dependencies:
        lines.extend(_pip_lines(dependency, label))
    return "".join(f"{line}\n" for line in lines)


def _pip_lines(dependency: Any, label: str) -> list[str]:
    if isinstance(dependency, dict):
        return [str(line) for line in dependency.get("pip") or []]
    name = re.split(r"[=<>~! ]", str(dependency).rpartition("::")[2], maxsplit=1)[0]
    if name not in WITHOUT_CONDA:
        raise not_implemented(f"the conda package '{dependency}' of environment {label}; name it under 'pip:'")
    return []


def _invalid(label: str, why: str) -> AzureError:
    return errors.validation(f"The conda file of environment {label} can't be read: {why}.", "condaFile")
