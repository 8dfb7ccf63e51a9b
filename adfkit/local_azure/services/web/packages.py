"""A deployed package: a zip archive with `host.json` and `function_app.py` at its root."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import Any, Final

import orjson

from adfkit.local_azure.services.web.errors import DeploymentError

BUILT_PACKAGES: Final = ".python_packages/lib/site-packages"
"""Where a package that was built before publishing carries its dependencies."""
LARGEST: Final = 1 << 30
"""Bytes that a package may unpack to."""
DEFAULT_TIMEOUT_SECONDS: Final = 1800.0
TIME_SPAN: Final = re.compile(r"(?:(\d+)\.)?(\d+):(\d+):(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Package:
    """An unpacked package.

    Attributes:
        requirements: the text of requirements.txt, empty where there is none.
        route_prefix: what stands before each route; "api" unless host.json says otherwise.
        timeout: seconds that an invocation may run.
        settings: host.json.
    """

    sha256: str
    folder: Path
    requirements: str
    route_prefix: str
    timeout: float
    settings: Mapping[str, Any]


def unpack(content: bytes, below: Path) -> Package:
    """Unpack into a folder named by the archive's SHA-256 (kept where it is there already), and read host.json.

    Raises:
        DeploymentError: not a zip archive, not a Python v2 app, or a path that leads out of it.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    folder = below / sha256
    below.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        _extract(content, folder)
    try:
        host = orjson.loads((folder / "host.json").read_bytes())
    except orjson.JSONDecodeError as error:
        raise DeploymentError(f"host.json is not JSON: {error}") from error
    if not isinstance(host, dict) or host.get("version") != "2.0":
        raise DeploymentError('host.json must be an object with "version": "2.0".')
    requirements = folder / "requirements.txt"
    return Package(
        sha256=sha256,
        folder=folder,
        requirements=requirements.read_text(encoding="utf-8") if requirements.exists() else "",
        route_prefix=str(host.get("extensions", {}).get("http", {}).get("routePrefix", "api")).strip("/"),
        timeout=time_span("functionTimeout", host.get("functionTimeout"), DEFAULT_TIMEOUT_SECONDS),
        settings=host,
    )


def _extract(content: bytes, folder: Path) -> None:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as error:
        raise DeploymentError(f"The package is not a zip archive: {error}.") from error
    with archive:
        entries = archive.infolist()
        names = {entry.filename for entry in entries}
        for needed in ("host.json", "function_app.py"):
            if needed not in names:
                raise DeploymentError(f"The package has no {needed} at its root, so it is no Python function app.")
        for name in names:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name:
                raise DeploymentError(f"The package's path '{name}' leads out of it.")
        if sum(entry.file_size for entry in entries) > LARGEST:
            raise DeploymentError(f"The package unpacks to more than {LARGEST} bytes.")
        building = Path(mkdtemp(prefix="unpacking-", dir=folder.parent))
        try:
            archive.extractall(building)
            building.rename(folder)
        except OSError:
            shutil.rmtree(building, ignore_errors=True)
            if not folder.exists():  # else another call has unpacked the same archive meanwhile
                raise


def time_span(name: str, text: str | None, default: float) -> float:
    """Seconds of a time span of host.json, `[d.]hh:mm:ss[.fffffff]`; -1 is unbounded.

    Raises:
        DeploymentError: it is none.
    """
    if not text:
        return default
    if text == "-1":
        return float("inf")
    found = TIME_SPAN.fullmatch(str(text))
    if not found:
        raise DeploymentError(f"host.json: {name} '{text}' is not of the form hh:mm:ss.")
    days, hours, minutes = (int(part or 0) for part in found.group(1, 2, 3))
    return float(((days * 24 + hours) * 60 + minutes) * 60) + float(found[4])
