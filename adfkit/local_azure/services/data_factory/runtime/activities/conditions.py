"""IfCondition and Switch: one of several blocks."""

from __future__ import annotations

from typing import Any, ClassVar

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext


class IfCondition(Activity):
    type = "IfCondition"
    required: ClassVar[tuple[str, ...]] = ("expression",)
    has_policy = False
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-if-condition-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        if "branch" not in context.state:  # decided once: what it rests on may differ after a restart
            context.remember(branch="true" if context.boolean_expression("expression") else "false")
        branch = context.state["branch"]
        name = "ifTrueActivities" if branch == "true" else "ifFalseActivities"
        await context.require_block(context.raw(name) or [], branch)
        return {}


class Switch(Activity):
    type = "Switch"
    required: ClassVar[tuple[str, ...]] = ("on",)
    has_policy = False
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-switch-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        cases = {case.get("value"): case.get("activities") or [] for case in context.raw("cases") or []}
        if "case" not in context.state:
            value = context.evaluate(context.raw("on"))
            if not isinstance(value, str):
                raise errors.wrong_type("on", "String", value)
            context.remember(case=value)
        value = context.state["case"]
        if value in cases:
            await context.require_block(cases[value], f"case {value}")
        else:
            await context.require_block(context.raw("defaultActivities") or [], "default")
        return {}
