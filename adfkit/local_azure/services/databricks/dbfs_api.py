"""The DBFS API: files of the workspace, small ones by this API. https://docs.databricks.com/api/azure/workspace/dbfs"""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Final

from starlette.responses import Response

from adfkit.local_azure.services.databricks import errors
from adfkit.local_azure.services.databricks.data_plane import ApiCall, Json, Route, answer
from adfkit.local_azure.services.databricks.places import home
from adfkit.local_azure.services.databricks.records import Records, new_id

MAX_READ: Final = 1024 * 1024
MAX_BLOCK: Final = 1024 * 1024


def dbfs_path(folder: Path, path: str) -> Path:
    """Where a path of DBFS lies below a workspace's folder.

    Raises:
        AzureError: 400 for a path that is none.
    """
    path = path.removeprefix("dbfs:")
    if not path.startswith("/") or ".." in path.split("/"):
        raise errors.invalid_parameter(f"Path must be absolute: {path}")
    return folder / "dbfs" / path.strip("/")


class DbfsApi:
    """Files and folders."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.routes = (
            Route("POST", "dbfs/put", self.put),
            Route("POST", "dbfs/create", self.create),
            Route("POST", "dbfs/add-block", self.add_block),
            Route("POST", "dbfs/close", self.close),
            Route("GET", "dbfs/read", self.read),
            Route("GET", "dbfs/list", self.list),
            Route("GET", "dbfs/get-status", self.status),
            Route("POST", "dbfs/mkdirs", self.make_directories),
            Route("POST", "dbfs/delete", self.delete),
            Route("POST", "dbfs/move", self.move),
        )

    async def put(self, call: ApiCall) -> Response:
        """Write a file."""
        path = self._new(call)
        form = "contents" in call.files
        path.write_bytes(call.files["contents"] if form else _decoded(str(call.get("contents", ""))))
        return answer()

    async def create(self, call: ApiCall) -> Response:
        """Open a stream that writes a file block by block."""
        path = self._new(call)
        path.write_bytes(b"")
        handle = new_id()
        self._records.put(call.key, "dbfs_handle", str(handle), {"path": str(path)})
        return answer({"handle": handle})

    async def add_block(self, call: ApiCall) -> Response:
        """Append to a stream."""
        block = _decoded(str(call.get("data", "")))
        if len(block) > MAX_BLOCK:
            raise errors.refused("MAX_BLOCK_SIZE_EXCEEDED", "A block may have 1 MB at most.")
        _append(Path(self._handle(call)), block)
        return answer()

    async def close(self, call: ApiCall) -> Response:
        """Close a stream."""
        self._handle(call)
        self._records.delete(call.key, "dbfs_handle", str(call.number("handle")))
        return answer()

    async def read(self, call: ApiCall) -> Response:
        """A part of a file, 1 MB at most."""
        path = self._require(call)
        length = call.number("length", MAX_READ)
        if path.is_dir() or length > MAX_READ:
            raise errors.invalid_parameter("A file is read in parts of 1 MB at most, and a folder not at all.")
        data = _part(path, call.number("offset", 0), length)
        return answer({"bytes_read": len(data), "data": base64.b64encode(data).decode()})

    async def list(self, call: ApiCall) -> Response:
        """What lies in a folder, or the file itself."""
        path = self._require(call)
        found = sorted(path.iterdir()) if path.is_dir() else [path]
        return answer({"files": [_shown(call, each) for each in found]})

    async def status(self, call: ApiCall) -> Response:
        """A file or folder."""
        return answer(_shown(call, self._require(call)))

    async def make_directories(self, call: ApiCall) -> Response:
        """Make a folder and those above it."""
        path = self._path(call, "path")
        if path.is_file():
            raise errors.already_exists(f"{call.required('path')} is a file.")
        path.mkdir(parents=True, exist_ok=True)
        return answer()

    async def delete(self, call: ApiCall) -> Response:
        """Remove a file or folder; what is not there is no error."""
        path = self._path(call, "path")
        if path.is_dir():
            if any(path.iterdir()) and not call.flag("recursive"):
                raise errors.refused("IO_ERROR", f"{call.required('path')} is not empty.")
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        return answer()

    async def move(self, call: ApiCall) -> Response:
        """Move a file or folder."""
        source, target = self._path(call, "source_path"), self._path(call, "destination_path")
        if not source.exists():
            raise errors.not_found(f"No file or directory exists on path {call.required('source_path')}.")
        if target.is_file():
            raise errors.already_exists(f"A file exists on path {call.required('destination_path')}.")
        shutil.move(source, target)
        return answer()

    def _path(self, call: ApiCall, name: str) -> Path:
        root = home(call.platform, call.key)
        (root / "dbfs").mkdir(parents=True, exist_ok=True)
        return dbfs_path(root, str(call.required(name)))

    def _new(self, call: ApiCall) -> Path:
        path = self._path(call, "path")
        if path.is_dir() or (path.exists() and not call.flag("overwrite")):
            raise errors.already_exists(f"A file or directory already exists at {call.required('path')}.")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _require(self, call: ApiCall) -> Path:
        path = self._path(call, "path")
        if not path.exists():
            raise errors.not_found(f"No file or directory exists on path {call.required('path')}.")
        return path

    def _handle(self, call: ApiCall) -> str:
        found = self._records.get(call.key, "dbfs_handle", str(call.number("handle")))
        if found is None:
            raise errors.not_found(f"No open stream has the handle {call.number('handle')}.")
        return str(found["path"])


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise errors.invalid_parameter(f"The content is not in base64: {error}") from error


def _append(path: Path, block: bytes) -> None:
    with path.open("ab") as file:
        file.write(block)


def _part(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _shown(call: ApiCall, path: Path) -> Json:
    root = home(call.platform, call.key) / "dbfs"
    about = path.stat()
    return {
        "path": "/" + ("" if path == root else path.relative_to(root).as_posix()),
        "is_dir": path.is_dir(),
        "file_size": 0 if path.is_dir() else about.st_size,
        "modification_time": int(about.st_mtime * 1000),
    }
