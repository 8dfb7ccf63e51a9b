"""The translator of a copy: which column of the source becomes which of the sink.

https://learn.microsoft.com/azure/data-factory/copy-activity-schema-and-type-mapping
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.copying.conversion import (
    ConversionSettings,
    Converted,
    convert,
    read_settings,
)
from adfkit.local_azure.services.data_factory.runtime.copying.failures import copy_failure
from adfkit.local_azure.services.data_factory.runtime.file_formats.readers import Column, Table, json_pointer
from adfkit.local_azure.services.data_factory.runtime.file_formats.types import known_type
from adfkit.local_azure.services.data_factory.runtime.file_formats.writers import Output

KNOWN: Final = frozenset(
    {
        "type",
        "mappings",
        "columnMappings",
        "schemaMapping",
        "collectionReference",
        "mapComplexValuesToString",
        "typeConversion",
        "typeConversionSettings",
    }
)
_SEGMENT: Final = re.compile(r"\['((?:[^'\\]|\\.)*)'\]|\[(\d+)\]|\.?([^.\[\]*$]+)")


@dataclass(frozen=True, slots=True)
class End:
    """One end of a mapping: a column by name, by ordinal (from 1) or by JSON path."""

    name: str | None = None
    ordinal: int | None = None
    path: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Translator:
    """How columns are mapped; without `ends`, each by its name."""

    ends: Sequence[tuple[End, End]] = ()
    collection: str | None = None
    complex_to_text: bool = False
    settings: ConversionSettings = field(default_factory=ConversionSettings)


@dataclass(frozen=True, slots=True)
class Mapped:
    """What stands behind FROM, the columns of the sink, and SQL of whether a row has a value that does not fit."""

    source: str
    columns: tuple[Output, ...]
    misfit: str | None


def read_translator(value: Any) -> Translator:
    """A `TabularTranslator`.

    Raises:
        ActivityFailure: 2104, or what is not supported by its name.
    """
    if value is None:
        return Translator()
    if not isinstance(value, dict):
        raise errors.wrong_type("translator", "Object", value)
    if value.get("type", "TabularTranslator") != "TabularTranslator":
        raise errors.unsupported(f"a translator of type '{value['type']}'")
    unknown = next((name for name, each in value.items() if name not in KNOWN and each is not None), None)
    if unknown:
        raise errors.unsupported(f"'{unknown}' of a translator")
    return Translator(
        _ends(value),
        value.get("collectionReference") or None,
        value.get("mapComplexValuesToString") is True,
        read_settings(value.get("typeConversionSettings")),
    )


def _ends(translator: Mapping[str, Any]) -> list[tuple[End, End]]:
    mappings = translator.get("mappings")
    if mappings is not None:
        if not isinstance(mappings, list):
            raise errors.wrong_type("mappings", "Array", mappings)
        return [(_end(each, "source"), _end(each, "sink")) for each in mappings]
    older = translator.get("columnMappings") or translator.get("schemaMapping") or {}
    if isinstance(older, str):  # "a: b, c: d"
        pairs = [part.partition(":") for part in older.split(",") if part.strip()]
        return [(End(name=source.strip()), End(name=sink.strip())) for source, _, sink in pairs]
    if not isinstance(older, dict):
        raise errors.wrong_type("columnMappings", "Object", older)
    return [(_by_path_or_name(source), End(name=str(sink))) for source, sink in older.items()]


def _by_path_or_name(source: str) -> End:
    return End(path=source) if source.startswith("$") else End(name=source)


def _end(mapping: Any, side: str) -> End:
    end = mapping.get(side) if isinstance(mapping, dict) else None
    if not isinstance(end, dict) or not any(end.get(name) for name in ("name", "ordinal", "path")):
        raise errors.required_property(f"translator.mappings.{side}.name")
    ordinal = end.get("ordinal")
    if ordinal is not None and not str(ordinal).isdecimal():
        raise errors.wrong_type("ordinal", "Int", ordinal)
    declared = end.get("type")
    known = known_type(str(declared)) if declared else None
    if declared and known is None:
        raise errors.unsupported(f"the type '{declared}' of a mapping")
    name, path = end.get("name"), end.get("path")
    return End(
        str(name) if name else None, int(ordinal) if ordinal is not None else None, str(path) if path else None, known
    )


def map_columns(table: Table, translator: Translator, added: Sequence[Column], *, hierarchical: bool) -> Mapped:
    """The sink's columns of a source's table; `hierarchical` where the sink is JSON, which holds objects.

    Raises:
        ActivityFailure: a mapped column is missing; a conversion is not supported.
    """
    if translator.ends:
        return _explicit(table, translator, added, hierarchical)
    if hierarchical and table.document and not added:
        return Mapped(table.source, (Output((), table.document, None),), None)
    columns = [*table.columns, *added]
    if not hierarchical:
        held = next((column.name for column in columns if column.type is None), None)
        if held and not translator.complex_to_text:
            raise copy_failure(
                "UserErrorComplexValueNotMapped",
                f"The column '{held}' holds objects or arrays, which the sink's format cannot hold. Map the values in "
                "it by their paths, or set 'mapComplexValuesToString' in the translator.",
            )
    outputs = [Output((column.name,), column.sql, _held(column.type, hierarchical)) for column in columns]
    return Mapped(table.source, tuple(outputs), None)


def _held(type: str | None, hierarchical: bool) -> str | None:
    return type if type or hierarchical else "String"


def _explicit(table: Table, translator: Translator, added: Sequence[Column], hierarchical: bool) -> Mapped:
    source = table.source
    if translator.collection:
        if table.document is None:
            raise errors.unsupported("'collectionReference' for a source that is not JSON")
        pointer = json_pointer(_segments(translator.collection))
        items = f"CAST(json_extract({table.document}, {pointer}) AS JSON[])"
        source = f"(SELECT {table.document}, unnest({items}) AS item FROM {table.source})"  # noqa: S608
    outputs, misfits = [], []
    for index, (start, end) in enumerate(translator.ends):
        column = _find(table, start, added, hierarchical)
        wanted = end.type or start.type
        converted = _converted(column, wanted, translator, hierarchical)
        outputs.append(Output(_sink_path(end, start, index, hierarchical), converted.sql, converted.type))
        if converted.misfit:
            misfits.append(converted.misfit)
    return Mapped(source, tuple(outputs), " OR ".join(misfits) or None)


def _converted(column: Column, wanted: str | None, translator: Translator, hierarchical: bool) -> Converted:
    if column.type is None and wanted is None and not hierarchical:
        wanted = "String"
    return convert(column, wanted, translator.settings)


def _find(table: Table, end: End, added: Sequence[Column], hierarchical: bool) -> Column:
    if end.path is not None:
        return _at_path(table, end.path, end.type, hierarchical)
    columns = [*table.columns, *added]
    if end.name is not None:
        exact = next((column for column in columns if column.name == end.name), None)
        found = exact or next((column for column in columns if column.name.lower() == end.name.lower()), None)
        if found is not None:
            return found
    elif end.ordinal is not None and 1 <= end.ordinal <= len(columns):
        return columns[end.ordinal - 1]
    raise copy_failure(
        "MappingColumnNameNotFoundInSourceFile",
        f"Column '{end.name or end.ordinal}' specified in column mapping cannot be found in source data.",
    )


def _at_path(table: Table, path: str, type: str | None, hierarchical: bool) -> Column:
    """A value of a JSON document; a path without `$` begins at the item of the collection."""
    if table.document is None:
        raise errors.unsupported(f"the path '{path}' for a source that is not JSON")
    root, segments = table.document if path.startswith("$") else "item", _segments(path)
    if type is None and path.startswith("$") and len(segments) == 1:
        found = next((column for column in table.columns if column.name == segments[0] and column.type), None)
        if found is not None:
            return found
    pointer = json_pointer(segments)
    if type is None and hierarchical:
        return Column(path, f"json_extract({root}, {pointer})", None)
    return Column(path, f"({root}->>{pointer})", "String")


def _segments(path: str) -> list[str]:
    """The names in a JSON path such as `$['a'].b[0]`.

    Raises:
        ActivityFailure: a path that is not supported.
    """
    rest = path.removeprefix("$")
    found, position = [], 0
    while position < len(rest):
        match = _SEGMENT.match(rest, position)
        if match is None:
            raise errors.unsupported(f"the JSON path '{path}'")
        found.append(next(group for group in match.groups() if group is not None).replace("\\'", "'"))
        position = match.end()
    return found


def _sink_path(end: End, start: End, index: int, hierarchical: bool) -> tuple[str, ...]:
    if end.path is not None:
        if not hierarchical:
            raise errors.unsupported(f"the sink path '{end.path}' for a sink that is not JSON")
        return tuple(_segments(end.path))
    if end.name is not None:
        return (end.name,)
    return (start.name or f"Prop_{(end.ordinal or index + 1) - 1}",)
