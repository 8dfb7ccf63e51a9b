"""What Batch tasks wrote: the streams that Data Factory keeps of each Custom activity, in the container adfjobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from adfkit.cli.platform import Platform
from adfkit.cli.run_logs.entries import Entry, lines

if TYPE_CHECKING:
    from azure.mgmt.datafactory.models import ActivityRun, PipelineRun

SOURCE: Final = "batch"


def entries(platform: Platform, _: PipelineRun, activities: Sequence[ActivityRun]) -> Iterator[Entry]:
    """The lines of all tasks of the run's Custom activities that have ended."""
    from azure.core.exceptions import ResourceNotFoundError
    from azure.storage.blob import BlobClient

    for activity in activities:
        output = activity.output if isinstance(activity.output, dict) else {}
        if activity.activity_type != "Custom" or activity.activity_run_end is None:
            continue
        for url in output.get("outputs") or ():
            stream = str(url).rpartition("/")[2].removesuffix(".txt")
            with BlobClient.from_blob_url(str(url), credential=platform.credential) as blob:
                try:
                    text = blob.download_blob().readall().decode(errors="replace")
                except ResourceNotFoundError:  # a task that never began has no streams
                    continue
            yield from lines(
                text,
                source=SOURCE,
                name=f"{activity.activity_name} {stream}",
                level="INFO",
                until=activity.activity_run_end,
            )
