"""Copy: files of a store, or an HTTP server's answer, as files of a storage account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from adfkit.local_azure.services.data_factory.runtime import errors, http
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.connections import Dataset, resolve_dataset
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.copying.failures import CODE, copy_failure
from adfkit.local_azure.services.data_factory.runtime.copying.job import CopyJob, CopyRequest, read_behaviour
from adfkit.local_azure.services.data_factory.runtime.copying.mapping import read_translator
from adfkit.local_azure.services.data_factory.runtime.copying.stores import BlobSink, Source, open_source
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure
from adfkit.local_azure.services.data_factory.runtime.files import store_settings
from adfkit.local_azure.services.data_factory.runtime.json_values import time_text

FORMATS: Final = ("Binary", "DelimitedText", "Json", "Parquet")
UNITS: Final = 4
"""Data integration units: what Azure takes for a copy between files unless it is told otherwise."""
REFUSED: Final = ("enableStaging", "stagingSettings", "redirectIncompatibleRowSettings", "preserve", "preserveRules")
_SOURCE_PROPERTIES: Final = frozenset(
    {"type", "storeSettings", "formatSettings", "additionalColumns", "maxConcurrentConnections", "sourceRetryCount"}
    | {"sourceRetryWait", "disableMetricsCollection"}
)
_SINK_PROPERTIES: Final = frozenset(
    {"type", "storeSettings", "formatSettings", "maxConcurrentConnections", "sinkRetryCount", "sinkRetryWait"}
    | {"writeBatchSize", "writeBatchTimeout", "disableMetricsCollection"}
)


class Copy(Activity):
    type = "Copy"
    required: ClassVar[tuple[str, ...]] = ("source", "sink")
    documentation = "https://learn.microsoft.com/azure/data-factory/copy-activity-overview"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        _refuse_unsupported(context)
        source_dataset, sink_dataset = _dataset(context, "inputs"), _dataset(context, "outputs")
        source, sink = context.object("source"), context.object("sink")
        translator = context.get("translator")
        context.show_input(
            {"source": source, "sink": sink} | ({"translator": translator} if translator is not None else {})
        )
        read, write = store_settings(source.get("storeSettings")), store_settings(sink.get("storeSettings"))
        formats = _format_settings(source), _format_settings(sink)
        request = CopyRequest(
            run_id=context.record.id,
            source=source_dataset,
            sink=sink_dataset,
            source_settings=formats[0],
            sink_settings=formats[1],
            translator=read_translator(translator),
            added=_additional_columns(source.get("additionalColumns")),
            behaviour=read_behaviour(write),
            skips_misfits=context.boolean("enableSkipIncompatibleRow", False),
            deletes_source=read.get("deleteFilesAfterCompletion") is True,
            keeps_archive_folder=_keeps_archive_folder(formats[0]),
        )
        job = CopyJob(
            request, open_source(context.cloud, source_dataset, read), BlobSink(context.cloud, sink_dataset, write)
        )
        try:
            await job.run()
        except ActivityFailure as failure:
            failure.output = _output(context, job, "Failed", failure) | failure.output
            raise
        return _output(context, job, "Succeeded")


def _refuse_unsupported(context: ActivityContext) -> None:
    for name in REFUSED:
        if context.get(name) not in (None, False, [], {}):
            raise errors.unsupported(f"'{name}' of a Copy activity")
    skipped = context.object("skipErrorFile")
    if any(value is True for value in skipped.values()):
        raise errors.unsupported("'skipErrorFile' of a Copy activity")
    if context.boolean("validateDataConsistency", False):
        raise errors.unsupported("'validateDataConsistency' of a Copy activity")
    if context.object("logSettings") or context.object("logStorageSettings"):
        raise errors.unsupported("logs of a Copy activity ('logSettings')")


def _dataset(context: ActivityContext, side: str) -> Dataset:
    """The activity's one input or output.

    Raises:
        ActivityFailure: it has none or several; the format is not supported, or not the source's or sink's.
    """
    references = context.definition.get(side)
    if not isinstance(references, list) or len(references) != 1 or not isinstance(references[0], dict):
        raise errors.required_property(side)
    if not isinstance(references[0].get("referenceName"), str):
        raise errors.required_property(f"{side}.referenceName")
    if not isinstance(references[0].get("parameters") or {}, dict):
        raise errors.wrong_type(f"{side}.parameters", "Object", references[0]["parameters"])
    dataset = resolve_dataset(context, references[0], side)
    end, properties = ("source", "Source") if side == "inputs" else ("sink", "Sink")
    if dataset.type not in FORMATS:
        raise errors.unsupported(f"a Copy activity with dataset '{dataset.name}' of type '{dataset.type}'")
    given = context.object(end)
    if str(given.get("type")) != f"{dataset.type}{properties}":
        raise copy_failure(
            "UserErrorInvalidPluginType",
            f"The {end} of type '{given.get('type')}' does not go with dataset '{dataset.name}' of type "
            f"'{dataset.type}'; {dataset.type}{properties} does.",
        )
    known = _SOURCE_PROPERTIES if end == "source" else _SINK_PROPERTIES
    unknown = next((name for name, value in given.items() if name not in known and value is not None), None)
    if unknown:
        raise errors.unsupported(f"'{unknown}' of a {given['type']}")
    return _checked(context, dataset, side)


def _checked(context: ActivityContext, dataset: Dataset, side: str) -> Dataset:
    if side == "outputs":
        is_binary = str(context.object("source").get("type")) == "BinarySource"
        if is_binary != (dataset.type == "Binary"):
            raise copy_failure(
                "UserErrorInvalidBinaryCopy",
                "A Binary dataset is copied to a Binary dataset only: source and sink must both be Binary.",
            )
    return dataset


def _format_settings(end: Mapping[str, Any]) -> Mapping[str, Any]:
    settings = end.get("formatSettings") or {}
    if not isinstance(settings, dict):
        raise errors.wrong_type("formatSettings", "Object", settings)
    return settings


def _keeps_archive_folder(settings: Mapping[str, Any]) -> bool:
    """Whether files of an archive are put below a folder of its name, as they are unless told otherwise."""
    packing = settings.get("compressionProperties") or {}
    if not isinstance(packing, dict):
        raise errors.wrong_type("compressionProperties", "Object", packing)
    names = ("preserveZipFileNameAsFolder", "preserveCompressionFileNameAsFolder")
    return not any(packing.get(name) is False for name in names)


def _additional_columns(value: Any) -> list[tuple[str, str]]:
    if value is None:
        return []
    if not isinstance(value, list) or any(not isinstance(each, dict) or not each.get("name") for each in value):
        raise errors.wrong_type("additionalColumns", "Array", value)
    return [(str(each["name"]), str(each.get("value") or "")) for each in value]


def _output(
    context: ActivityContext, job: CopyJob, status: str, failure: ActivityFailure | None = None
) -> dict[str, Any]:
    """https://learn.microsoft.com/azure/data-factory/copy-activity-monitoring"""
    counts, source, sink = job.counts, job.source, job.sink
    seconds = (context.clock.now() - context.record.started).total_seconds()
    duration = max(1, round(seconds))
    rows = {"rowsRead": counts.rows_read, "rowsCopied": counts.rows_copied, "rowsSkipped": counts.rows_skipped}
    return {
        "dataRead": counts.data_read,
        "dataWritten": counts.data_written,
        "filesRead": counts.files_read,
        "filesWritten": counts.files_written,
        "sourcePeakConnections": 1,
        "sinkPeakConnections": 1,
        **({} if counts.rows_read is None else rows if job.request.skips_misfits else _without_skipped(rows)),
        "copyDuration": duration,
        "throughput": round(counts.data_read / 1024 / max(seconds, 0.001), 3),
        "errors": [] if failure is None else [{"Code": CODE, "Message": failure.error.message}],
        **http.runtime_output(context),
        "usedDataIntegrationUnits": _units(context),
        "usedParallelCopies": 1,
        "executionDetails": [_execution(context, source, sink, status, duration)],
        "dataConsistencyVerification": {"VerificationResult": "NotVerified"},
    }


def _without_skipped(rows: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rows.items() if name != "rowsSkipped"}


def _execution(context: ActivityContext, source: Source, sink: BlobSink, status: str, duration: int) -> dict[str, Any]:
    done = "Completed" if status == "Succeeded" else "Failed"
    return {
        "source": {"type": source.type},
        "sink": {"type": sink.type},
        "status": status,
        "start": time_text(context.record.started),
        "duration": duration,
        "usedDataIntegrationUnits": _units(context),
        "usedParallelCopies": 1,
        "profile": {
            "queue": {"status": "Completed", "duration": 0},
            "transfer": {"status": done, "duration": duration, "details": {}},
        },
        "detailedDurations": {"queuingDuration": 0, "transferDuration": duration},
    }


def _units(context: ActivityContext) -> int:
    value = context.get("dataIntegrationUnits")
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else UNITS
