"""The tables of Application Insights in a Log Analytics workspace, of what function hosts recorded.

https://learn.microsoft.com/azure/azure-monitor/reference/tables/apptraces (and apprequests, appexceptions)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.services.monitor.kql import Column, Table
from adfkit.local_azure.services.monitor.types import COMPONENTS
from adfkit.local_azure.services.web.history import History
from adfkit.local_azure.services.web.models import SITES, app_of

SETTING: Final = "APPLICATIONINSIGHTS_CONNECTION_STRING"
SEVERITIES: Final = {"TRACE": 0, "DEBUG": 0, "INFO": 1, "INFORMATION": 1, "WARNING": 2, "ERROR": 3, "CRITICAL": 4}
_COMMON: Final = (
    Column("TimeGenerated", "datetime"),
    Column("OperationId", "string"),
    Column("OperationName", "string"),
    Column("ParentId", "string"),
    Column("AppRoleName", "string"),
    Column("Properties", "dynamic"),
    Column("_ResourceId", "string"),
)
_REQUESTS: Final = (
    Column("Id", "string"),
    Column("Name", "string"),
    Column("Success", "bool"),
    Column("ResultCode", "string"),
    Column("DurationMs", "real"),
)
_TRACES: Final = (Column("Message", "string"), Column("SeverityLevel", "int"))
_EXCEPTIONS: Final = (Column("OuterMessage", "string"), Column("SeverityLevel", "int"))


class Telemetry:
    """What function apps send to the components of a workspace: those whose connection string they have."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._history = History(platform.store)

    def tables(self, workspace: Resource) -> dict[str, Table]:
        """AppRequests, AppTraces and AppExceptions of a workspace."""
        requests: list[dict[str, Any]] = []
        traces: list[dict[str, Any]] = []
        exceptions: list[dict[str, Any]] = []
        for site, component in self._sites(workspace):
            common = {"AppRoleName": site.name, "_ResourceId": component.id.lower()}
            for invocation in self._history.invocations(site.id.lower()):
                requests.append(common | _request(invocation))
                if invocation["error"]:
                    exceptions.append(common | _exception(invocation))
            traces += [common | _trace(line) for line in self._history.logs(site.id.lower())]
        return {
            "AppRequests": Table((*_COMMON, *_REQUESTS), requests),
            "AppTraces": Table((*_COMMON, *_TRACES), traces),
            "AppExceptions": Table((*_COMMON, *_EXCEPTIONS), exceptions),
        }

    def _sites(self, workspace: Resource) -> Iterator[tuple[Resource, Resource]]:
        """Each site with the component that it sends to."""
        by_key = {
            str(component.properties["InstrumentationKey"]).lower(): component
            for component in self._platform.resources.of_type(COMPONENTS)
            if str(component.properties["WorkspaceResourceId"]).lower() == workspace.id.lower()
        }
        for site in self._platform.resources.of_type(SITES):
            parts = str(app_of(self._platform, site).settings.get(SETTING, "")).split(";")
            settings = {name.lower(): value for name, _, value in (part.partition("=") for part in parts)}
            component = by_key.get(settings.get("instrumentationkey", "").lower())
            if component is not None:
                yield site, component


def _request(invocation: Mapping[str, Any]) -> dict[str, Any]:
    started = datetime.fromisoformat(invocation["started_at"])
    ended = datetime.fromisoformat(invocation["ended_at"]) if invocation["ended_at"] else None
    status = invocation["status"]
    return _of_invocation(invocation) | {
        "TimeGenerated": started,
        "Id": invocation["id"].replace("-", "")[:16],
        "Name": invocation["function"],
        "Success": ended is not None and not invocation["error"] and (status or 0) < 400,
        "ResultCode": "" if status is None else str(status),
        "DurationMs": (ended - started).total_seconds() * 1000 if ended else None,
    }


def _exception(invocation: Mapping[str, Any]) -> dict[str, Any]:
    time = datetime.fromisoformat(invocation["ended_at"] or invocation["started_at"])
    return _of_invocation(invocation) | {"TimeGenerated": time, "OuterMessage": invocation["error"], "SeverityLevel": 3}


def _of_invocation(invocation: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "OperationId": invocation["operation"],
        "OperationName": invocation["function"],
        "ParentId": "",
        "Properties": {"InvocationId": invocation["id"]},
    }


def _trace(line: Mapping[str, Any]) -> dict[str, Any]:
    category = line["logger"] if line["function"] is None else f"Function.{line['function']}.User"
    return {
        "TimeGenerated": datetime.fromisoformat(line["time"]),
        "OperationId": line["operation"] or "",
        "OperationName": line["function"] or "",
        "ParentId": "",
        "Message": line["message"],
        "SeverityLevel": SEVERITIES.get(str(line["level"]).upper(), 1),
        "Properties": {"Category": category, "InvocationId": line["invocation"], "Logger": line["logger"]},
    }
