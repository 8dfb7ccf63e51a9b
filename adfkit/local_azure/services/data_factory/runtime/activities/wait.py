"""Wait: until a number of seconds has passed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext


class Wait(Activity):
    type = "Wait"
    required: ClassVar[tuple[str, ...]] = ("waitTimeInSeconds",)
    has_policy = False
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-wait-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        seconds = context.integer("waitTimeInSeconds")
        if seconds < 1:
            raise errors.ActivityFailure("2104", f"The property 'waitTimeInSeconds' must be at least 1, not {seconds}.")
        if "until" not in context.state:
            context.record.input = {"waitTimeInSeconds": seconds}
            context.remember(until=(context.clock.now() + timedelta(seconds=seconds)).isoformat())
        until = datetime.fromisoformat(context.state["until"])
        await context.clock.sleep((until - context.clock.now()).total_seconds())
        return {}
