"""Libraries of a task or a cluster: https://docs.databricks.com/api/azure/workspace/libraries"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.services.databricks import errors

Json = dict[str, Any]
LOCK: Final = Path(__file__).parent / "runtime" / "requirements.txt"
_HASH: Final = re.compile(r" \\\n +--hash=\S+")
_NAME: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)")


class LibraryError(Exception):
    """A library that can't be installed; the text says which and why."""


@dataclass(slots=True)
class Installation:
    """What the libraries come to: the text of a requirements file, and jar files."""

    requirements: str = ""
    jars: list[Path] = field(default_factory=list)


def check(libraries: Sequence[Json]) -> None:
    """Refuse what can't be installed here.

    Raises:
        AzureError: 400 for a library of no kind, 501 for a kind that local Azure does not have.
    """
    for library in libraries:
        kinds = set(library)
        if not kinds & {"pypi", "whl", "requirements", "jar", "maven", "cran", "egg"}:
            raise errors.invalid_parameter(f"Library {library} is of no known kind.")
        unsupported = kinds - {"pypi", "whl", "requirements", "jar"}
        if unsupported:
            raise not_implemented(f"libraries of the kind '{', '.join(sorted(unsupported))}'")
        if (library.get("pypi") or {}).get("repo"):
            raise not_implemented("a library's own package index ('repo')")


def plan(libraries: Sequence[Json], read: Callable[[str], bytes], folder: Path) -> Installation:
    """What to install; `read` gives the file at a path or URL, and files are kept below `folder` by their hash.

    Raises:
        LibraryError: a file that is not there.
    """
    found, lines = Installation(), []
    for library in libraries:
        if "pypi" in library:
            lines.append(str(library["pypi"]["package"]))
        elif "requirements" in library:
            lines.append(read(str(library["requirements"])).decode())
        elif "whl" in library:
            path = _keep(str(library["whl"]), read, folder)
            lines.append(f"{path.name.split('-')[0]} @ {path.as_uri()}")
        else:
            found.jars.append(_keep(str(library["jar"]), read, folder))
    found.requirements = merge("\n".join(lines))
    return found


def merge(own: str) -> str:
    """The runtime's packages and a task's own; where both name one, the task's counts.

    Each package must match a hash, unless the task's own come without.
    """
    named = {_normal(match[1]) for line in own.splitlines() if (match := _NAME.match(line))}
    rest = [text for name, text in _runtime().items() if name not in named]
    if named and "--hash=" not in own:
        rest = [_HASH.sub("", text) for text in rest]
    return "\n".join([*rest, own.strip()]).strip() + "\n"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@lru_cache
def _runtime() -> dict[str, str]:
    """The lock's entries; a package has several where markers differ."""
    entries: dict[str, str] = {}
    name = ""
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("#"):
            continue
        if match := _NAME.match(line):
            name = _normal(match[1])
        entries[name] = f"{entries[name]}\n{line}" if name in entries else line
    return entries


def _keep(path: str, read: Callable[[str], bytes], folder: Path) -> Path:
    content = read(path)
    kept = folder / hashlib.sha256(content).hexdigest() / path.rpartition("/")[2]
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(content)
    return kept
