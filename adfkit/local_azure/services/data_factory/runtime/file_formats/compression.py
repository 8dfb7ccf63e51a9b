"""Compression of files: what a dataset's codec means, one file at a time and in bounded memory.

https://learn.microsoft.com/azure/data-factory/supported-file-formats-and-compression-codecs
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from adfkit.local_azure.services.data_factory.runtime import errors

CHUNK: Final = 1 << 20
NONE: Final = "none"
STREAMS: Final = ("gzip", "bzip2", "deflate")
ARCHIVES: Final = ("zipdeflate", "tar", "targzip")
EXTENSIONS: Final[Mapping[str, str]] = {
    NONE: "",
    "gzip": ".gz",
    "bzip2": ".bz2",
    "deflate": ".deflate",
    "zipdeflate": ".zip",
    "tar": ".tar",
    "targzip": ".tar.gz",
}


class CompressionError(Exception):
    """A file that is not compressed as its dataset says."""


@dataclass(frozen=True, slots=True)
class Compression:
    """A codec in lower case, and whether to spend time on it (`Optimal`) or not (`Fastest`)."""

    codec: str = NONE
    level: str = "optimal"

    @property
    def is_archive(self) -> bool:
        """Whether a file holds several, each by its name."""
        return self.codec in ARCHIVES

    @property
    def extension(self) -> str:
        return EXTENSIONS[self.codec]


def read_compression(properties: Mapping[str, Any]) -> Compression:
    """What a dataset's `compression`, or its `compressionCodec` and `compressionLevel`, say.

    Raises:
        ActivityFailure: a codec that is not supported.
    """
    declared = properties.get("compression") or {}
    if not isinstance(declared, dict):
        raise errors.wrong_type("compression", "Object", declared)
    codec = declared.get("type") or properties.get("compressionCodec") or NONE
    level = declared.get("level") or properties.get("compressionLevel") or "Optimal"
    if str(codec).lower() not in EXTENSIONS:
        raise errors.unsupported(f"the compression '{codec}'")
    return Compression(str(codec).lower(), str(level).lower())


def unpack(source: Path, compression: Compression, folder: Path) -> list[tuple[str, Path]]:
    """The files in a compressed one, written to a folder: their names in an archive ("" for a single one) and paths.

    Raises:
        CompressionError: it is not compressed so.
    """
    if compression.codec == NONE:
        return [("", source)]
    try:
        if compression.is_archive:
            return list(_members(source, compression.codec, folder))
        target = folder / f"{source.name}.unpacked"
        with _READERS[compression.codec](source) as stream, target.open("wb") as file:
            shutil.copyfileobj(stream, file, CHUNK)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise CompressionError(f"it is no {compression.codec} file: {error}") from error
    return [("", target)]


def pack(source: Path, compression: Compression, target: Path, name: str) -> None:
    """Compress one file; `name` is what it is called in an archive."""
    fast = compression.level == "fastest"
    if compression.codec == "zipdeflate":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1 if fast else 6) as archive:
            archive.write(source, name)
    elif compression.codec in ("tar", "targzip"):
        with tarfile.open(target, "w:gz" if compression.codec == "targzip" else "w") as tar:
            tar.add(source, name)
    else:
        with source.open("rb") as file, _writer(compression.codec, target, 1 if fast else 6) as stream:
            shutil.copyfileobj(file, stream, CHUNK)


def _members(source: Path, codec: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Each file of an archive under a number of its own, so that no name in it reaches another place."""
    if codec == "zipdeflate":
        with zipfile.ZipFile(source) as archive:
            for index, member in enumerate(each for each in archive.infolist() if not each.is_dir()):
                with archive.open(member) as stream:
                    yield _extracted(stream, member.filename, folder / f"{source.name}.{index}")
        return
    with tarfile.open(source, "r:gz" if codec == "targzip" else "r:") as tar:
        for index, item in enumerate(each for each in tar if each.isfile()):
            content = tar.extractfile(item)
            if content is not None:
                with content:
                    yield _extracted(content, item.name, folder / f"{source.name}.{index}")


def _extracted(stream: IO[bytes], name: str, target: Path) -> tuple[str, Path]:
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    with target.open("wb") as file:
        shutil.copyfileobj(stream, file, CHUNK)
    return "/".join(parts), target


class _Deflate:
    """A zlib stream, with its header or without, as a file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        head = self._file.read(2)
        self._file.seek(0)
        has_header = len(head) == 2 and head[0] & 0x0F == 8 and int.from_bytes(head) % 31 == 0
        self._engine = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)

    def read(self, size: int) -> bytes:
        while not self._engine.eof:
            data = self._engine.unconsumed_tail or self._file.read(CHUNK)
            if not data:
                raise EOFError("it ends too early")
            found = self._engine.decompress(data, size)
            if found:
                return found
        return b""

    def __enter__(self) -> _Deflate:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _DeflateWriter:
    def __init__(self, path: Path, level: int) -> None:
        self._file = path.open("wb")
        self._engine = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)

    def write(self, data: bytes) -> None:
        self._file.write(self._engine.compress(data))

    def __enter__(self) -> _DeflateWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.write(self._engine.flush())
        self._file.close()


_READERS: Final[Mapping[str, Callable[[Path], Any]]] = {"gzip": gzip.open, "bzip2": bz2.open, "deflate": _Deflate}


def _writer(codec: str, target: Path, level: int) -> Any:
    if codec == "gzip":
        return gzip.GzipFile(target, "wb", level, mtime=0)
    return bz2.open(target, "wb") if codec == "bzip2" else _DeflateWriter(target, level)
