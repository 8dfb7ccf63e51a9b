"""What the script says of a source or a sink, with its expressions evaluated.

https://learn.microsoft.com/azure/data-factory/data-flow-source, data-flow-sink
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from adfkit.data_flows import files
from adfkit.data_flows.engine import Engine
from adfkit.data_flows.errors import DataFlowError, unsupported
from adfkit.data_flows.syntax import Property, Transformation
from adfkit.local_azure.services.data_factory.runtime import errors as runtime_errors
from adfkit.local_azure.services.data_factory.runtime.blobs import Location, read_location
from adfkit.local_azure.services.data_factory.runtime.connections import Dataset, LinkedService
from adfkit.local_azure.services.data_factory.runtime.data_flows.definition import Place
from adfkit.local_azure.services.data_factory.runtime.data_flows.errors import FILE_NAMES, failure, of_error
from adfkit.local_azure.services.data_factory.runtime.file_formats.compression import Compression, read_compression

_INLINE: Final = {
    "delimited": "DelimitedText",
    "json": "Json",
    "parquet": "Parquet",
}
_FORMAT: Final = {
    "columnDelimiter": "columnDelimiter",
    "escapeChar": "escapeChar",
    "quoteChar": "quoteChar",
    "nullValue": "nullValue",
    "encoding": "encodingName",
    "columnNamesAsHeader": "firstRowAsHeader",
    "compressionCodec": "compressionCodec",
    "compressionType": "compressionCodec",
}
"""Properties of the script that say what a dataset says else."""
_PLACE: Final = frozenset({"format", "container", "fileSystem", "folderPath", "fileName", *_FORMAT})
_NEUTRAL: Final = frozenset({"allowSchemaDrift", "validateSchema", "compressionLevel", "multiLineRow"})
_SOURCE: Final = _PLACE | _NEUTRAL | {"ignoreNoFilesFound", "wildcardPaths", "rowUrlColumn", "limit", "documentForm",
                                      "inferDriftedColumnTypes", "unquotedColumnNames", "singleQuoted"}  # fmt: skip
_SINK: Final = _PLACE | _NEUTRAL | {"truncate", "partitionFileNames", "filePattern", "umask", "saveOrder", "store",
                                    "skipDuplicateMapInputs", "skipDuplicateMapOutputs", "preCommands", "postCommands",
                                    "insertable", "updateable", "deletable", "upsertable", "keys", "output",
                                    "errorHandlingOption"}  # fmt: skip
_REFUSED_WHEN_SET: Final = frozenset({"preCommands", "postCommands", "inferDriftedColumnTypes", "updateable",
                                      "deletable", "upsertable"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Which files a source reads: a folder's, one, or those that match `wildcards`, paths within the container."""

    node: Transformation
    kind: str
    properties: Mapping[str, Any]
    compression: Compression
    linked_service: LinkedService
    location: Location
    wildcards: list[str]
    may_be_empty: bool
    url_column: str | None
    limit: int | None


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """Where a sink writes: so many files in a folder, named by the pattern, by the names given, or as Spark does."""

    node: Transformation
    kind: str
    properties: Mapping[str, Any]
    compression: Compression
    linked_service: LinkedService
    location: Location
    clear: bool
    partitions: int
    pattern: str | None
    names: list[str]
    order: int

    def file_names(self, run: str) -> list[str]:
        """The names of the files, the same ones for the same run."""
        if self.names:
            return self.names
        if self.pattern:
            return [self.pattern.replace("[n]", str(number + 1)) for number in range(self.partitions)]
        suffix = _suffix(self.kind, self.properties, self.compression)
        return [f"part-{number:05}-{run}-c000{suffix}" for number in range(self.partitions)]


def source_settings(engine: Engine, node: Transformation, place: Place) -> SourceSettings:
    """The settings of a source.

    Raises:
        ActivityFailure: one is wrong, or not supported here.
    """
    read = _Reader(engine, node, _SOURCE)
    kind, properties, location = read.place(place)
    wildcards = read.value("wildcardPaths")
    limit = read.value("limit")
    return SourceSettings(
        node,
        kind,
        properties,
        read.compression(kind, properties),
        place.linked_service,
        location,
        [str(path).strip("/") for path in ([wildcards] if isinstance(wildcards, str) else wildcards or [])],
        bool(read.value("ignoreNoFilesFound")),
        read.value("rowUrlColumn"),
        None if limit is None else int(limit),
    )


def sink_settings(engine: Engine, node: Transformation, place: Place) -> SinkSettings:
    """The settings of a sink.

    Raises:
        ActivityFailure: one is wrong, or not supported here.
    """
    read = _Reader(engine, node, _SINK)
    kind, properties, location = read.place(place)
    if location.file:
        raise of_error(
            unsupported("a sink that names a file (name its folder, and use 'partitionFileNames')", node.line), node
        )
    names, pattern = read.value("partitionFileNames"), read.value("filePattern")
    names = [names] if isinstance(names, str) else [str(name or "") for name in names or []]
    partitions = read.partitions()
    if names and (not all(names) or len(names) != partitions):
        raise failure(FILE_NAMES, f"There are {partitions} partitions and {len(names)} file names: {names}.", node)
    if pattern and "[n]" not in str(pattern):
        raise of_error(unsupported("a 'filePattern' without [n]", node.line), node)
    return SinkSettings(
        node,
        kind,
        properties,
        read.compression(kind, properties),
        place.linked_service,
        location,
        bool(read.value("truncate")),
        partitions,
        pattern,
        names,
        int(read.value("saveOrder") or 0),
    )


def is_cache(node: Transformation) -> bool:
    """Whether a sink keeps its rows for expressions and the activity's output."""
    return node.text("store") == "cache"


class _Reader:
    """Evaluates the properties of one source or sink; those that are not known are refused by their names."""

    def __init__(self, engine: Engine, node: Transformation, known: frozenset[str]) -> None:
        self._engine = engine
        self._node = node
        for argument in node.arguments:
            if isinstance(argument, Property) and argument.name not in known:
                raise of_error(unsupported(f"the property '{argument.name}' of a {node.kind}", argument.line), node)
        for name in _REFUSED_WHEN_SET & known:
            if self.value(name):
                raise of_error(unsupported(f"the property '{name}' of a {node.kind}", node.line), node)

    def value(self, name: str) -> Any:
        """A property's value, or None where it is absent."""
        node = self._node.property(name)
        if node is None:
            return None
        try:
            return self._engine.setting(node)
        except DataFlowError as error:
            raise of_error(error, self._node) from error

    def partitions(self) -> int:
        """How many partitions the sink makes of its rows: one, unless it says how many."""
        call = self._node.call("partitionBy")
        if call is None or len(call.arguments) < 2:
            return 1
        kind = self._engine.setting(call.arguments[0])
        if kind not in ("hash", "roundRobin"):
            raise of_error(unsupported(f"partitioning by '{kind}' in a sink", call.line), self._node)
        return max(1, int(self._engine.setting(call.arguments[1])))

    def place(self, place: Place) -> tuple[str, Mapping[str, Any], Location]:
        """The type and properties of the dataset, and where it lies; those of the script for an inline one."""
        if place.dataset is not None:
            return place.dataset.type, place.dataset.properties, self._location(place.dataset)
        format = self.value("format")
        if format not in _INLINE:
            raise of_error(unsupported(f"the format '{format}' of a {self._node.kind}", self._node.line), self._node)
        properties = {name: self.value(written) for written, name in _FORMAT.items() if self._has(written)}
        container = self.value("container") or self.value("fileSystem")
        if not container:
            raise runtime_errors.required_property("container")
        folder, file = str(self.value("folderPath") or ""), str(self.value("fileName") or "")
        return _INLINE[str(format)], properties, Location(str(container), folder.strip("/"), file.strip("/"))

    def compression(self, kind: str, properties: Mapping[str, Any]) -> Compression:
        """How files are compressed as a whole; Parquet is within itself. Data flows know no archives, as in Azure."""
        found = Compression() if kind == "Parquet" else read_compression(properties)
        if found.is_archive:
            problem = unsupported(f"the compression '{found.codec}' in data flows", self._node.line)
            raise of_error(problem, self._node)
        return found

    def _has(self, name: str) -> bool:
        return self._node.property(name) is not None

    def _location(self, dataset: Dataset) -> Location:
        if dataset.type not in files.FORMATS:
            raise of_error(unsupported(f"a dataset of type '{dataset.type}'", self._node.line), self._node)
        return read_location(dataset)


def _suffix(kind: str, properties: Mapping[str, Any], compression: Compression) -> str:
    """How names of files end, as Spark ends them."""
    if kind == "Parquet":
        codec = files.parquet_codec(properties)
        return ("" if codec == "none" else f".{codec}") + ".parquet"
    return (".csv" if kind == "DelimitedText" else ".json") + compression.extension
