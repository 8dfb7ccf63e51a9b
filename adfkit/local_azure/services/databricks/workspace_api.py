"""The Workspace API: notebooks and files in folders. https://docs.databricks.com/api/azure/workspace/workspace"""

from __future__ import annotations

import base64
import binascii
from pathlib import PurePosixPath
from typing import Final

from starlette.responses import Response

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.services.databricks import errors
from adfkit.local_azure.services.databricks.data_plane import ApiCall, Json, Route, answer
from adfkit.local_azure.services.databricks.driver import source
from adfkit.local_azure.services.databricks.records import DIRECTORY, FILE, NOTEBOOK, Records, WorkspaceObject

MAX_NOTEBOOK: Final = 10 * 1024 * 1024
FORMATS: Final = ("SOURCE", "AUTO", "JUPYTER", "RAW")
PREFIX: Final = "/Workspace"


class WorkspaceApi:
    """Import and export, list, folders."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.routes = (
            Route("POST", "workspace/import", self.import_),
            Route("GET", "workspace/export", self.export),
            Route("GET", "workspace/list", self.list),
            Route("GET", "workspace/get-status", self.status),
            Route("POST", "workspace/mkdirs", self.make_directories),
            Route("POST", "workspace/delete", self.delete),
        )

    async def import_(self, call: ApiCall) -> Response:
        """Write a notebook or a file; its folder must be there."""
        path, format = normal(call.required("path")), str(call.get("format", "SOURCE")).upper()
        if format not in FORMATS:
            raise not_implemented(f"imports in the format {format}; it has {', '.join(FORMATS)}")
        content = call.files["content"] if "content" in call.files else _decoded(str(call.get("content", "")))
        path, type, language, content = _read(path, format, str(call.get("language", "")).upper(), content)
        parent = str(PurePosixPath(path).parent)
        above = self._records.object(call.key, parent)
        if above is None or above.type != DIRECTORY:
            raise errors.not_found(f"The parent folder ({parent}) does not exist.")
        existing = self._records.object(call.key, path)
        if existing is not None:
            if not call.flag("overwrite"):
                raise errors.already_exists(f"{path} already exists. Please pass overwrite as true to overwrite it.")
            if existing.type != type:
                raise errors.invalid_parameter(
                    f"Requested node type [{type}] does not match the existing node type [{existing.type}] of {path}"
                )
        self._records.put_object(call.key, path, type, language, content)
        return answer()

    async def export(self, call: ApiCall) -> Response:
        """A notebook in a form, or a file as it is."""
        found = self._require(call)
        format = str(call.get("format", "SOURCE")).upper()
        if found.type == DIRECTORY or format not in FORMATS:
            raise not_implemented(f"the export of a {found.type.lower()} in the format {format}")
        content = found.content
        if found.type == NOTEBOOK and format == "JUPYTER":
            content = source.to_jupyter(content.decode(), str(found.language)).encode()
        if call.flag("direct_download"):
            return Response(content, media_type="application/octet-stream")
        suffix = PurePosixPath(found.path).suffix or _extension(found, format)
        return answer({"content": base64.b64encode(content).decode(), "file_type": suffix.lstrip(".")})

    async def list(self, call: ApiCall) -> Response:
        """What lies in a folder; of an object that is none, itself."""
        found = self._require(call)
        if found.type != DIRECTORY:
            return answer({"objects": [_shown(found)]})
        after = call.number("notebooks_modified_after", 0)
        inside = [
            each
            for each in self._records.below(call.key, found.path)
            if str(PurePosixPath(each.path).parent) == found.path and (each.type != NOTEBOOK or each.modified >= after)
        ]
        return answer({"objects": [_shown(each) for each in inside]} if inside else {})

    async def status(self, call: ApiCall) -> Response:
        """An object."""
        return answer(_shown(self._require(call)))

    async def make_directories(self, call: ApiCall) -> Response:
        """Make a folder and those above it."""
        path = PurePosixPath(normal(call.required("path")))
        for each in [*reversed(path.parents), path]:
            existing = self._records.object(call.key, str(each))
            if existing is None:
                self._records.put_object(call.key, str(each), DIRECTORY, None, b"")
            elif existing.type != DIRECTORY:
                raise errors.already_exists(f"{each} already exists, and is no folder.")
        return answer()

    async def delete(self, call: ApiCall) -> Response:
        """Remove an object; a folder that is not empty only where `recursive` says so."""
        found = self._require(call)
        if found.path == "/":
            raise errors.invalid_parameter("The root folder can't be deleted.")
        if not call.flag("recursive") and self._records.below(call.key, found.path):
            raise errors.refused("DIRECTORY_NOT_EMPTY", f"Folder ({found.path}) is not empty")
        self._records.delete_objects(call.key, found.path)
        return answer()

    def _require(self, call: ApiCall) -> WorkspaceObject:
        path = normal(call.required("path"))
        found = self._records.object(call.key, path)
        if found is None:
            raise errors.not_found(f"Path ({path}) doesn't exist.")
        return found


def normal(path: str) -> str:
    """A path from the workspace's root; `/Workspace/x` is another name for `/x`.

    Raises:
        AzureError: 400 for a path that does not begin at the root.
    """
    if not path.startswith("/") or any(part in (".", "..") for part in path.split("/")):
        raise errors.invalid_parameter(f"Path ({path}) doesn't start with '/'")
    path = "/" + "/".join(part for part in path.split("/") if part)
    return path.removeprefix(PREFIX) or "/" if path == PREFIX or path.startswith(f"{PREFIX}/") else path


def _read(path: str, format: str, language: str, content: bytes) -> tuple[str, str, str | None, bytes]:
    """What an import makes of a content: path, type, language, and the content that is kept."""
    pure = PurePosixPath(path)
    extension = pure.suffix.lower()
    if format == "RAW":
        return path, FILE, None, content
    jupyter = format == "JUPYTER" or (format == "AUTO" and extension == ".ipynb")
    if format == "AUTO" and not jupyter:
        language = source.EXTENSIONS.get(extension, "")
        if not language or not source.is_notebook(_text(content[:200], strict=False)):
            return path, FILE, None, content
    if format == "AUTO":
        path = str(pure.with_suffix(""))
    if len(content) > MAX_NOTEBOOK:
        raise errors.refused("MAX_NOTEBOOK_SIZE_EXCEEDED", f"The notebook {path} is larger than 10 MB.")
    text = _text(content)
    if jupyter:
        try:
            text, language = source.from_jupyter(text)
        except source.NotebookFormatError as error:
            raise errors.invalid_parameter(str(error)) from error
    if language not in source.COMMENTS:
        raise errors.invalid_parameter(
            f"'language' must be one of {', '.join(source.COMMENTS)} to import in the format SOURCE; "
            "the format AUTO imports files"
        )
    return path, NOTEBOOK, language, text.encode()


def _text(content: bytes, *, strict: bool = True) -> str:
    try:
        return content.decode("utf-8", "strict" if strict else "replace")
    except UnicodeDecodeError as error:
        raise errors.invalid_parameter(f"The content is no text in UTF-8: {error}") from error


def _decoded(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise errors.invalid_parameter(f"'content' is not in base64: {error}") from error


def _extension(found: WorkspaceObject, format: str) -> str:
    if found.type == NOTEBOOK and format == "JUPYTER":
        return "ipynb"
    return next((suffix for suffix, language in source.EXTENSIONS.items() if language == found.language), "")


def _shown(found: WorkspaceObject) -> Json:
    shown: Json = {"object_type": found.type, "path": found.path, "object_id": found.object_id}
    if found.type == NOTEBOOK:
        shown["language"] = found.language
    if found.type != DIRECTORY:
        shown |= {"created_at": found.created, "modified_at": found.modified, "size": len(found.content)}
    return {**shown, "resource_id": str(found.object_id)}
