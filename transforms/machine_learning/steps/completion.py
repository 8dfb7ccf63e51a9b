"""Completes the manifest of a run whose transform is no code, so that could not tell what it wrote.

What is missing is computed from the files: rows, files, and the two hashes as `transforms/hosts/manifest.py` defines
them.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import polars as pl
from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient

MANIFEST = "manifest.json"
SEPARATOR, NULL = "\x1f", "\x00"


class CompletionError(Exception):
    """The manifest could not be completed; the text says why."""


def is_complete(manifest: Mapping[str, Any]) -> bool:
    """Whether the transform itself has told what it wrote."""
    return "content_sha256" in manifest


def complete(manifest: Mapping[str, Any], location: str, credential: TokenCredential) -> dict[str, Any]:
    """The manifest with what the files below the location tell; it is written back there.

    Raises:
        CompletionError: the files are not those that the manifest declares, or the storage refuses.
    """
    parts = urlsplit(location)
    name, _, folder = unquote(parts.path).strip("/").partition("/")
    container = ContainerClient(f"https://{parts.netloc}", name, credential=credential)
    try:
        names = sorted(str(name) for name in container.list_blob_names(name_starts_with=f"{folder}/"))
        files = {
            name.removeprefix(f"{folder}/"): container.download_blob(name).readall()
            for name in names
            if name.endswith(".parquet")
        }
        completed = described(manifest, files)
        container.upload_blob(f"{folder}/{MANIFEST}", json.dumps(completed, indent=2).encode(), overwrite=True)
    except HttpResponseError as error:
        why = error.message.partition("\nContent:")[0]
        raise CompletionError(f"This step's identity can't complete {location}{MANIFEST}: {why}") from error
    return completed


def described(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    """The manifest with what the files tell, each by its path below the location.

    Raises:
        CompletionError: the files are not those that the manifest declares.
    """
    if not files:
        raise CompletionError("The transform wrote no Parquet file.")
    declared = {column["name"]: column["type"] for column in manifest["schema"]}
    frame = pl.concat([pl.read_parquet(io.BytesIO(content)) for content in files.values()])
    missing = [name for name in declared if name not in frame.columns]
    if missing:
        raise CompletionError(f"The transform wrote no column {', '.join(missing)}.")
    known = {key: value for key, value in manifest.items() if value is not None and key != "float_precision"}
    return {
        **known,
        "rows": frame.height,
        "files": [{"path": path, "bytes": len(files[path])} for path in sorted(files)],
        "files_sha256": _files_sha256(files),
        "content_sha256": _content_sha256(frame, declared, int(manifest["float_precision"])),
    }


def _files_sha256(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.encode() + b"\0" + hashlib.sha256(files[path]).digest())
    return digest.hexdigest()


def _content_sha256(frame: pl.DataFrame, columns: Mapping[str, str], precision: int) -> str:
    header = SEPARATOR.join(f"{name}:{type}" for name, type in columns.items())
    values = [_canonical(name, type, precision) for name, type in columns.items()]
    lines = frame.lazy().select(pl.concat_str(values, separator=SEPARATOR).alias("line")).collect()["line"].sort()
    digest = hashlib.sha256(header.encode() + b"\n")
    if frame.height:
        digest.update(lines.str.join("\n").item().encode() + b"\n")
    return digest.hexdigest()


def _canonical(name: str, type: str, precision: int) -> pl.Expr:
    value = pl.col(name)
    match type:
        case "float64":
            value = (value * 10**precision + 0.5).floor().cast(pl.Int64)
        case "bool":
            value = value.cast(pl.Int8)
        case "timestamp":
            value = value.dt.epoch("us")
    return value.cast(pl.String).fill_null(NULL)
