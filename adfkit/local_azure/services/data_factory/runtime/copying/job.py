"""One copy: what was asked, done file by file, with the counts that the activity's output shows."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

import duckdb

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.connections import Dataset
from adfkit.local_azure.services.data_factory.runtime.copying.failures import copy_failure
from adfkit.local_azure.services.data_factory.runtime.copying.mapping import Translator
from adfkit.local_azure.services.data_factory.runtime.copying.rows import Rows
from adfkit.local_azure.services.data_factory.runtime.copying.stores import BlobSink, Source, SourceFile
from adfkit.local_azure.services.data_factory.runtime.file_formats import compression
from adfkit.local_azure.services.data_factory.runtime.file_formats.readers import FormatError, format_error

BEHAVIOURS: Final = ("PreserveHierarchy", "FlattenHierarchy", "MergeFiles")
EXTENSIONS: Final = {"DelimitedText": ".csv", "Json": ".json", "Parquet": ".parquet", "Binary": ""}
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRequest:
    """What the activity asks for, checked. `run_id` makes the names of files that the service names itself."""

    run_id: str
    source: Dataset
    sink: Dataset
    source_settings: Mapping[str, Any]
    """The source's format settings."""
    sink_settings: Mapping[str, Any]
    """The sink's format settings."""
    translator: Translator
    added: Sequence[tuple[str, str]] = ()
    behaviour: str = BEHAVIOURS[0]
    skips_misfits: bool = False
    deletes_source: bool = False
    keeps_archive_folder: bool = True


@dataclass(slots=True)
class Counts:
    """Bytes, files and rows; rows stay None for Binary."""

    data_read: int = 0
    data_written: int = 0
    files_read: int = 0
    files_written: int = 0
    rows_read: int | None = None
    rows_copied: int | None = None
    rows_skipped: int = 0

    def add_rows(self, copied: int, skipped: int) -> None:
        self.rows_copied = (self.rows_copied or 0) + copied
        self.rows_read = (self.rows_read or 0) + copied + skipped
        self.rows_skipped += skipped


@dataclass(slots=True)
class CopyJob:
    """Copies files through a folder of this disk, one at a time unless they are merged."""

    request: CopyRequest
    source: Source
    sink: BlobSink
    counts: Counts = field(default_factory=Counts)
    _numbers: int = 0

    async def run(self) -> None:
        """Do it.

        Raises:
            ActivityFailure: 2200, or what is not supported by its name.
        """
        files = await self.source.files()
        self._check_target(files)
        with tempfile.TemporaryDirectory(prefix="adfkit-copy-", ignore_cleanup_errors=True) as folder:
            if self.request.behaviour == "MergeFiles":
                await self._merge(files, Path(folder))
            else:
                for file in files:
                    with tempfile.TemporaryDirectory(dir=folder) as own:
                        await self._copy(file, Path(own))
        if self.request.deletes_source:
            for file in files:
                await self.source.remove(file)

    def _check_target(self, files: Sequence[SourceFile]) -> None:
        name = self.sink.location.file
        if name and len(files) > 1 and self.request.behaviour != "MergeFiles":
            raise copy_failure(
                "UserErrorSeveralFilesToOne",
                f"{len(files)} source files would each be written to the one file '{name}' of the sink. Leave the "
                "sink's fileName out, or set the copyBehavior MergeFiles.",
            )

    async def _copy(self, file: SourceFile, folder: Path) -> None:
        for name, path in await self._fetched(file, folder):
            if self.request.sink.type == "Binary":
                await self._write(self._target(name), path, folder)
            else:
                await self._copy_rows([(file.path, path)], name, folder)

    async def _merge(self, files: Sequence[SourceFile], folder: Path) -> None:
        fetched: list[tuple[str, Path]] = []
        for file in files:
            own = folder / str(len(fetched))
            own.mkdir()
            fetched.extend((file.path, path) for _, path in await self._fetched(file, own))
        name = self._generated("merged")
        if self.request.sink.type == "Binary":
            merged = folder / "merged"
            await asyncio.to_thread(_concatenate, [path for _, path in fetched], merged)
            await self._write(self._target(name), merged, folder)
        else:
            await self._copy_rows(fetched, name, folder)

    async def _fetched(self, file: SourceFile, folder: Path) -> list[tuple[str, Path]]:
        """A source's file on this disk, unpacked: names below the source's folder, and paths."""
        path = folder / "source"
        await self.source.fetch(file, path)
        self.counts.files_read += 1
        self.counts.data_read += path.stat().st_size
        if self.request.source.type == "Parquet":  # its codec is inside of the file
            return [(file.relative, path)]
        packed = compression.read_compression(self.request.source.properties)
        try:
            found = await asyncio.to_thread(compression.unpack, path, packed, folder)
        except compression.CompressionError as error:
            raise copy_failure(
                "UserErrorInvalidCompression", f"The file '{file.path}' cannot be unpacked: {error}"
            ) from error
        if not packed.is_archive:
            return [(_without(file.relative, packed.extension), found[0][1])]
        parent = file.relative.rpartition("/")[0]
        base = file.relative if self.request.keeps_archive_folder else parent
        return [(f"{base}/{name}".lstrip("/"), member) for name, member in found]

    async def _copy_rows(self, files: Sequence[tuple[str, Path]], name: str, folder: Path) -> None:
        """Write the rows of files to one file, or to several where a number of rows is the limit."""
        rows = Rows(self.request, folder)
        try:
            written = await _in_thread(rows.write, rows.interrupt, files)
        except FormatError as error:
            raise copy_failure(error.code, f"{error} (source '{', '.join(path for path, _ in files[:3])}')") from error
        except duckdb.Error as error:
            raise rows.failure(format_error(self.request.source.type, error)) from error
        finally:
            rows.close()
        self.counts.add_rows(rows.copied, rows.skipped)
        for index, path in enumerate(written):
            await self._write(self._target(name, index if rows.splits else None), path, folder)

    async def _write(self, name: str, path: Path, folder: Path) -> None:
        """Pack a file as the sink's dataset says, and upload it."""
        if self.request.sink.type != "Parquet":
            packing = compression.read_compression(self.request.sink.properties)
            if packing.codec != compression.NONE:
                packed = folder / f"{path.name}.packed"
                inner = name.rpartition("/")[2].removesuffix(packing.extension)
                await asyncio.to_thread(compression.pack, path, packing, packed, inner)
                path = packed
        await self.sink.write(name, path)
        self.counts.files_written += 1
        self.counts.data_written += path.stat().st_size

    def _target(self, name: str, index: int | None = None) -> str:
        """The name of a file in the sink's folder."""
        request = self.request
        if self.sink.location.file and index is None:
            return self.sink.location.file
        if request.behaviour == "FlattenHierarchy":
            folder, stem, suffix = "", self._generated(name), Path(name).suffix
        else:
            folder, _, file = name.rpartition("/")
            suffix = Path(file).suffix
            stem = file.removesuffix(suffix)
        if request.sink.type != "Binary":
            given = request.sink_settings.get("fileExtension") if request.sink.type == "DelimitedText" else None
            suffix = str(given or EXTENSIONS.get(request.sink.type, ""))
        if index is not None:
            stem = f"{request.sink_settings.get('fileNamePrefix') or stem}_{index:05}"
        if request.sink.type != "Parquet":
            suffix += compression.read_compression(request.sink.properties).extension
        return f"{folder}/{stem}{suffix}".lstrip("/")

    def _generated(self, name: str) -> str:
        """A name that the service makes; the same one when the activity runs again after a restart."""
        return f"data_{uuid5(UUID(self.request.run_id), name)}"


def _without(name: str, extension: str) -> str:
    return name[: -len(extension)] if extension and name.lower().endswith(extension) else name


def _concatenate(paths: Sequence[Path], target: Path) -> None:
    with target.open("wb") as file:
        for path in paths:
            with path.open("rb") as stream:
                while chunk := stream.read(compression.CHUNK):
                    file.write(chunk)


async def _in_thread(work: Callable[..., T], interrupt: Callable[[], None], *arguments: Any) -> T:
    """Do work in a thread; a cancellation interrupts it and waits until it has ended."""
    task: Awaitable[T] = asyncio.get_running_loop().run_in_executor(None, lambda: work(*arguments))
    future = asyncio.ensure_future(task)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        interrupt()
        await asyncio.gather(future, return_exceptions=True)
        raise


def read_behaviour(settings: Mapping[str, Any]) -> str:
    """The copy behaviour of a sink's store settings.

    Raises:
        ActivityFailure: there is none of that name.
    """
    wanted = str(settings.get("copyBehavior") or BEHAVIOURS[0])
    found = next((name for name in BEHAVIOURS if name.lower() == wanted.lower()), None)
    if found is None:
        raise errors.unsupported(f"the copy behavior '{wanted}'")
    return found
