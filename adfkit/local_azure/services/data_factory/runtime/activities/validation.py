"""Validation: waits until a file or folder is there, and as it should be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Final

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.activities.get_metadata import CODE, Metadata
from adfkit.local_azure.services.data_factory.runtime.blobs import BlobStore
from adfkit.local_azure.services.data_factory.runtime.clock import TimeIsUp, within
from adfkit.local_azure.services.data_factory.runtime.connections import resolve_dataset
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.policy import read_timeout

DEFAULT_SLEEP: Final = 10
"""Seconds between looks."""
_OF_FILES: Final = {"exists": "exists", "itemname": "itemName", "itemtype": "itemType", "size": "size"}
_OF_FOLDERS: Final = {"exists": "exists", "itemname": "itemName", "itemtype": "itemType", "childitems": "childItems"}


class Validation(Activity):
    """Its own timeout counts from the start of the attempt, also across a restart."""

    type = "Validation"
    required: ClassVar[tuple[str, ...]] = ("dataset",)
    has_policy = False
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-validation-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        dataset = resolve_dataset(context, context.raw("dataset"), "dataset")
        timeout = read_timeout("timeout", context.get("timeout"))
        sleep = context.integer("sleep", DEFAULT_SLEEP)
        if sleep < 1:
            raise errors.ActivityFailure("2104", f"The property 'sleep' must be at least 1, not {sleep}.")
        wanted = _Wanted(
            context.integer("minimumSize", 0),
            None if context.get("childItems") is None else context.boolean("childItems", False),
        )
        context.show_input({"dataset": {"referenceName": dataset.name}})
        metadata = Metadata(dataset, BlobStore(context.cloud, dataset.linked_service, CODE), {})
        due = context.record.started + timedelta(seconds=timeout)
        seconds = (due - context.clock.now()).total_seconds()
        try:
            return await within(context.clock, seconds, wanted.met(context, metadata, sleep))
        except TimeIsUp as error:
            raise errors.timed_out(timeout) from error


class _Wanted:
    def __init__(self, minimum_size: int, child_items: bool | None) -> None:
        self._minimum_size = minimum_size
        self._child_items = child_items

    async def met(self, context: ActivityContext, metadata: Metadata, sleep: int) -> dict[str, Any]:
        """What the file or folder is like once it is as wanted."""
        while True:
            found = await metadata.read(_OF_FILES if metadata.location.file else _OF_FOLDERS)
            if found["exists"] and self._is_met(found):
                return found
            await context.clock.sleep(sleep)

    def _is_met(self, found: dict[str, Any]) -> bool:
        if "size" in found:
            return bool(found["size"] >= self._minimum_size)
        return self._child_items is None or bool(found["childItems"]) == self._child_items
