"""Fail: ends with a message and a code of the author's."""

from __future__ import annotations

from typing import Any, ClassVar

from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure


class Fail(Activity):
    type = "Fail"
    required: ClassVar[tuple[str, ...]] = ("message", "errorCode")
    has_policy = False
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-fail-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        message, code = context.get("message", ""), context.get("errorCode", "")
        context.record.input = {"message": message, "errorCode": code}
        raise ActivityFailure(str(code), message if isinstance(message, str) else str(message))
