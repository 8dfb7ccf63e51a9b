"""ForEach and Until: one block, again and again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, ClassVar, Final

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.clock import TimeIsUp, within
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext, fail_for
from adfkit.local_azure.services.data_factory.runtime.outcomes import BlockOutcome
from adfkit.local_azure.services.data_factory.runtime.policy import read_timeout

DEFAULT_BATCH_COUNT: Final = 20
MAX_BATCH_COUNT: Final = 50


class ForEach(Activity):
    """All iterations run, also behind one that failed; the loop fails at its end."""

    type = "ForEach"
    required: ClassVar[tuple[str, ...]] = ("items", "activities")
    has_policy = False
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-for-each-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        if "items" not in context.state:
            context.record.input = {"itemsCount": len(context.array("items"))}
            context.remember(items=context.array("items"))
        items = context.state["items"]
        for outcome in await self._iterate(context, items, _width(context)):
            fail_for(outcome)
        return {}

    async def _iterate(self, context: ActivityContext, items: list[Any], width: int) -> list[BlockOutcome]:
        gate = asyncio.Semaphore(width)

        async def iteration(index: int, item: Any) -> BlockOutcome:
            async with gate:
                frame = context.frame.inner(context.name, str(index), item)
                return await context.run_block(context.raw("activities"), frame)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(iteration(index, item)) for index, item in enumerate(items)]
        return [task.result() for task in tasks]


def _width(context: ActivityContext) -> int:
    if context.boolean("isSequential", False):
        return 1
    count = context.integer("batchCount", DEFAULT_BATCH_COUNT)
    if not 1 <= count <= MAX_BATCH_COUNT:
        raise errors.ActivityFailure(
            "2104", f"The property 'batchCount' must lie between 1 and {MAX_BATCH_COUNT}, not {count}."
        )
    return count


class Until(Activity):
    """A failed inner activity does not end the loop; the last iteration decides how the loop itself ends."""

    type = "Until"
    required: ClassVar[tuple[str, ...]] = ("expression", "activities")
    has_policy = False
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-until-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        timeout = read_timeout("timeout", context.get("timeout"))
        due = context.record.started + timedelta(seconds=timeout)
        try:
            await within(context.clock, (due - context.clock.now()).total_seconds(), self._loop(context))
        except TimeIsUp as error:
            context.execution.history.cancel_activities(context.run.run_id, context.clock.now(), context.record.path)
            raise errors.timed_out(timeout) from error
        return {}

    async def _loop(self, context: ActivityContext) -> None:
        iteration = context.state.get("iteration", 0)
        while True:
            frame = context.frame.inner(context.name, str(iteration))
            outcome = await context.run_block(context.raw("activities"), frame)
            context.frame.adopt(frame)
            if context.boolean_expression("expression", frame):
                fail_for(outcome)
                return
            iteration += 1
            context.remember(iteration=iteration)
