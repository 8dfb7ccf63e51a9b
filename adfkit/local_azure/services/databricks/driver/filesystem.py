"""`dbutils.fs`: files by URL, reached by Hadoop's file systems as Spark reaches them."""

from __future__ import annotations

from typing import Any, NamedTuple

from pyspark.sql import SparkSession

HEAD = 65536


class FileInfo(NamedTuple):
    """A file or folder; the time in milliseconds."""

    path: str
    name: str
    size: int
    modificationTime: int

    def isDir(self) -> bool:
        """Whether it is a folder."""
        return self.name.endswith("/")

    def isFile(self) -> bool:
        """Whether it is a file."""
        return not self.isDir()


class FileSystem:
    """`dbfs:/` and paths without a scheme are the workspace's DBFS; other URLs are what they say."""

    def __init__(self, spark: SparkSession, dbfs: str) -> None:
        self._java: Any = spark._jvm
        self._configuration = spark._jsc.hadoopConfiguration()
        self._dbfs = dbfs

    def ls(self, path: str) -> list[FileInfo]:
        """What lies in a folder, or the file itself."""
        system, found = self._open(path)
        return [self._info(status) for status in system.listStatus(found)]

    def cp(self, source: str, target: str, recurse: bool = False) -> bool:
        """Copy a file, or with `recurse` a folder."""
        from_system, from_path = self._open(source)
        if from_system.getFileStatus(from_path).isDirectory() and not recurse:
            raise ValueError(f"{source} is a folder; copy it with recurse=True")
        to_system, to_path = self._open(target)
        utility = self._java.org.apache.hadoop.fs.FileUtil
        return bool(utility.copy(from_system, from_path, to_system, to_path, False, True, self._configuration))

    def mv(self, source: str, target: str, recurse: bool = False) -> bool:
        """Copy, then remove."""
        return self.cp(source, target, recurse) and self.rm(source, recurse)

    def rm(self, path: str, recurse: bool = False) -> bool:
        """Remove a file, or with `recurse` a folder; whether there was one."""
        system, found = self._open(path)
        return bool(system.delete(found, recurse))

    def mkdirs(self, path: str) -> bool:
        """Make a folder and those above it."""
        system, found = self._open(path)
        return bool(system.mkdirs(found))

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        """Write a text in UTF-8."""
        system, found = self._open(file)
        stream = system.create(found, overwrite)
        try:
            stream.write(bytearray(contents.encode()))
        finally:
            stream.close()
        return True

    def head(self, file: str, maxBytes: int = HEAD) -> str:
        """The beginning of a text."""
        system, found = self._open(file)
        size = min(int(system.getFileStatus(found).getLen()), maxBytes)
        stream = system.open(found)
        try:
            return bytes(self._java.org.apache.commons.io.IOUtils.toByteArray(stream, size)).decode(errors="replace")
        finally:
            stream.close()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"Local Azure does not have dbutils.fs.{name}")

    def _open(self, path: str) -> tuple[Any, Any]:
        if path.startswith(("dbfs:/", "/")):
            path = f"file:{self._dbfs}/{path.removeprefix('dbfs:').lstrip('/')}"
        found = self._java.org.apache.hadoop.fs.Path(path)
        return found.getFileSystem(self._configuration), found

    def _info(self, status: Any) -> FileInfo:
        path, folder = status.getPath().toString(), "/" if status.isDirectory() else ""
        own = f"file:{self._dbfs}/"
        if path.startswith(own):
            path = f"dbfs:/{path.removeprefix(own)}"
        name = status.getPath().getName() + folder
        return FileInfo(path + folder, name, int(status.getLen()), int(status.getModificationTime()))
