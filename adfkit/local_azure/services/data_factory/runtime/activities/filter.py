"""Filter: the items of an array for which a condition holds."""

from __future__ import annotations

from typing import Any, ClassVar

from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext


class Filter(Activity):
    type = "Filter"
    required: ClassVar[tuple[str, ...]] = ("items", "condition")
    has_policy = False
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-filter-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        items = context.array("items")
        kept = [
            item
            for index, item in enumerate(items)
            if context.boolean_expression("condition", context.frame.inner(context.name, str(index), item))
        ]
        return {"ItemsCount": len(items), "FilteredItemsCount": len(kept), "Value": kept}
