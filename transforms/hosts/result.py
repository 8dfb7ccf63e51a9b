"""What every host says of a run's result, whatever engine made it: the manifest and the hash over the files.

`files_sha256` is over the files: for each, in the order of paths, the path in UTF-8, a zero byte, and the 32 bytes of
the SHA-256 of its content. `manifest.py` defines `content_sha256`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NotRequired, TypedDict

from transforms.hosts.declaration import Declaration
from transforms.hosts.measure import Measured
from transforms.hosts.window import Window

NAME = "manifest.json"
SEPARATOR, NULL = "\x1f", "\x00"
"""What stands between the values of a line of `content_sha256`, and for a value that is null."""


class SourceFile(TypedDict):
    """A file that the run read, by its path below the source; `etag` names the content that it then had.

    What the engine does not tell is not there.
    """

    path: str
    bytes: NotRequired[int]
    etag: NotRequired[str]


@dataclass(frozen=True, slots=True)
class File:
    """A written file: its size in bytes, and the SHA-256 of its content."""

    bytes: int
    sha256: bytes


def manifest(
    declaration: Declaration,
    *,
    rows: int,
    files: Mapping[str, File],
    content_sha256: str,
    ingestion: str,
    run_id: str,
    data_location: str,
    technique: str,
    measured: Measured,
    source: str,
    source_files: Sequence[SourceFile],
    window: Window | None = None,
) -> dict[str, Any]:
    """The manifest as JSON values; `files` are those below `data_location`, by their paths; `source` is the address
    of the folder of `source_files`.

    The key `training` is there where the transform declares a label, `window` where the run was for one.
    """
    training = {"training": asdict(declaration.training)} if declaration.training else {}
    return {
        "ingestion": ingestion,
        "transform": declaration.name,
        "run_id": run_id,
        "data_location": data_location,
        "technique": technique,
        "source": source,
        "source_files": sorted(source_files, key=lambda file: (file["path"], file.get("etag", ""))),
        "code_version": declaration.code_version,
        "rows": rows,
        "schema": [{"name": column.name, "type": column.type, "group": column.group} for column in declaration.columns],
        "files": [{"path": path, "bytes": files[path].bytes} for path in sorted(files)],
        "files_sha256": files_sha256(files),
        "content_sha256": content_sha256,
        "measured": measured,
        **training,
        **({"window": window.as_json()} if window else {}),
    }


def files_sha256(files: Mapping[str, File]) -> str:
    """The hash over the files' paths and contents."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.encode() + b"\0" + files[path].sha256)
    return digest.hexdigest()


def header(declaration: Declaration) -> bytes:
    """The first line of what `content_sha256` is over, with its line feed."""
    return SEPARATOR.join(f"{column.name}:{column.type}" for column in declaration.columns).encode() + b"\n"
