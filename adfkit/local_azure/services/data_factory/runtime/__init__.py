"""The pipeline runtime: schedules activities, runs them, keeps their history, and goes on after a restart.

It knows nothing of HTTP servers or ARM. It is given artifacts and a way out (`factory`), activities by type, a history
and a clock, so that the same code runs a deployed factory and a folder of files.
"""

from __future__ import annotations

from adfkit.local_azure.services.data_factory.runtime.activities.registry import ACTIVITIES
from adfkit.local_azure.services.data_factory.runtime.clock import Clock, SystemClock, VirtualClock
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure, RunError
from adfkit.local_azure.services.data_factory.runtime.factory import (
    Artifacts,
    Cloud,
    Factory,
    HttpRequest,
    HttpResponse,
)
from adfkit.local_azure.services.data_factory.runtime.history import History
from adfkit.local_azure.services.data_factory.runtime.records import ActivityRun, Event, PipelineRun
from adfkit.local_azure.services.data_factory.runtime.recovery import Recovery
from adfkit.local_azure.services.data_factory.runtime.runtime import PipelineRuntime
from adfkit.local_azure.services.data_factory.runtime.sealing import Sealer

__all__ = [
    "ACTIVITIES",
    "ActivityFailure",
    "ActivityRun",
    "Artifacts",
    "Clock",
    "Cloud",
    "Event",
    "Factory",
    "History",
    "HttpRequest",
    "HttpResponse",
    "PipelineRun",
    "PipelineRuntime",
    "Recovery",
    "RunError",
    "Sealer",
    "SystemClock",
    "VirtualClock",
]
