"""Timer triggers: a schedule, its status kept in SQLite, and what came due while nobody ran.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from adfkit.local_azure.services.web.bindings import Binding
from adfkit.local_azure.services.web.bindings.expressions import with_settings
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.models import App
from adfkit.local_azure.services.web.triggers import Listener
from adfkit.local_azure.services.web.triggers.schedules import Schedule, parse
from adfkit.local_azure.services.web.worker_process import FunctionFailedError, Value

LONGEST_WAIT = 3600.0


def check(app: App, _: str, binding: Binding) -> None:
    """Raises HostError for a schedule that is none."""
    _schedule(app, binding)


def _schedule(app: App, binding: Binding) -> Schedule:
    return parse(with_settings(app, str(binding["schedule"])))


async def listen(listener: Listener) -> None:
    """Run the function at its times. With a monitor, a time that passed while nobody ran is made up for once, late."""
    binding, name = listener.function.trigger, listener.function.name
    app = listener.current()
    if app is None:
        return
    schedule = _schedule(app, binding)
    monitored = binding.get("useMonitor")
    keep = not schedule.frequent if monitored is None else bool(monitored)
    status = listener.history.timer(listener.site, name) if keep else None
    now = datetime.now(UTC)
    if binding.get("runOnStartup"):
        await fire(listener, schedule, status, past_due=False, keep=keep)
    elif status and datetime.fromisoformat(status["Next"]) < now:
        await fire(listener, schedule, status, past_due=True, keep=keep)
    elif keep and not status:
        first = {"Last": "0001-01-01T00:00:00+00:00", "Next": _text(schedule.after(now)), "LastUpdated": _text(now)}
        listener.history.set_timer(listener.site, name, first)
    due = schedule.after(datetime.now(UTC))
    while not listener.ended.is_set():
        left = (due - datetime.now(UTC)).total_seconds()
        if left > 0:
            await listener.pause(min(left, LONGEST_WAIT))
            continue
        status = listener.history.timer(listener.site, name) if keep else None
        await fire(listener, schedule, status, past_due=False, keep=keep)
        due = schedule.after(datetime.now(UTC))


async def fire(
    listener: Listener, schedule: Schedule, status: Mapping[str, Any] | None, *, past_due: bool, keep: bool
) -> None:
    """Run the function once, and keep when it ran and runs next; its failure is noted, and the schedule goes on."""
    app = listener.app()
    if app is None:
        return
    info = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}
    started = datetime.now(UTC)
    try:
        await listener.run(app, Value("json", orjson.dumps(info)))
    except (FunctionFailedError, HostError):
        pass  # the host has noted it with its invocation
    finally:
        if keep:
            times = {"Last": _text(started), "Next": _text(schedule.after(started)), "LastUpdated": _text(started)}
            listener.history.set_timer(listener.site, listener.function.name, times)


def _text(moment: datetime) -> str:
    return moment.isoformat()
