"""The query API of Log Analytics, as azure-monitor-query calls it.

https://learn.microsoft.com/azure/azure-monitor/logs/api/overview
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from starlette.responses import Response

from adfkit.local_azure import cloud
from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import DataPlane, RequestContext
from adfkit.local_azure.services.monitor import kql
from adfkit.local_azure.services.monitor.telemetry import Telemetry
from adfkit.local_azure.services.monitor.types import COMPONENTS, WORKSPACES

HOST: Final = "api.loganalytics"
AUDIENCES: Final = frozenset(
    {"https://api.loganalytics.io", "https://api.loganalytics.io/"}
    | {f"https://{cloud.host(HOST)}", f"https://{cloud.host(HOST)}/"}
)
READ: Final = "Microsoft.OperationalInsights/workspaces/query/read"
_OF_WORKSPACE: Final = re.compile(r"/v1/workspaces/(?P<id>[^/]+)/query")
_OF_RESOURCE: Final = re.compile(r"/v1(?P<id>/subscriptions/.+)/query", re.IGNORECASE)
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


class QueryPlane:
    """Answers queries of a workspace, by its customer id, or of a workspace or component by its resource id."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._telemetry = Telemetry(platform)
        self.plane = DataPlane(host=HOST, audiences=AUDIENCES, handle=self.handle)

    async def handle(self, context: RequestContext) -> Response:
        """Answer one request.

        Raises:
            AzureError: 400 for the query, 403, 404, or 501 for what is not served.
        """
        path = context.request.url.path
        workspace = self._workspace(path)
        if context.request.method != "POST" or workspace is None:
            raise not_implemented(f"{context.request.method} {path} of Log Analytics")
        if context.principal is None:
            raise AzureError(401, "InvalidTokenError", "A bearer token is needed.")
        self._platform.identity.authorize(context.principal, workspace.id, action=READ)
        return _answer(self._run(workspace, await context.request.body()))

    def _workspace(self, path: str) -> Resource | None:
        if found := _OF_WORKSPACE.fullmatch(path):
            for workspace in self._platform.resources.of_type(WORKSPACES):
                if workspace.properties["customerId"] == found["id"].lower():
                    return workspace
            raise AzureError(404, "WorkspaceNotFoundError", f"The workspace '{found['id']}' could not be found.")
        if found := _OF_RESOURCE.fullmatch(path):
            resource = self._platform.resources.require(found["id"])
            if resource.type.lower() == COMPONENTS.lower():
                return self._platform.resources.require(str(resource.properties["WorkspaceResourceId"]))
            return resource if resource.type.lower() == WORKSPACES.lower() else None
        return None

    def _run(self, workspace: Resource, body: bytes) -> kql.Table:
        asked = _body(body)
        start, end = _timespan(asked.get("timespan"))
        tables = {
            name: kql.Table(table.columns, [row for row in table.rows if start <= row["TimeGenerated"] <= end])
            for name, table in self._telemetry.tables(workspace).items()
        }
        try:
            return kql.run(str(asked["query"]), tables)
        except (kql.KqlError, TypeError) as error:
            raise _bad_argument(f"{error}") from error


def _body(body: bytes) -> dict[str, Any]:
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _bad_argument(f"the body must be JSON: {error}") from error
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        raise _bad_argument("the body must be an object with a 'query'")
    if asked.get("workspaces"):
        raise not_implemented("queries of several workspaces")
    return asked


def _timespan(value: Any) -> tuple[datetime, datetime]:
    """The ISO 8601 interval, a start or an end of it maybe a duration; all times where there is none."""
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    if not value:
        return first, last
    start, _, end = str(value).partition("/")
    try:
        if not end:
            now = datetime.now(UTC)
            return now - _duration(start), now
        if start.startswith("P"):
            until = _time(end)
            return until - _duration(start), until
        since = _time(start)
        return since, since + _duration(end) if end.startswith("P") else _time(end)
    except ValueError as error:
        raise _bad_argument(f"the timespan '{value}' is no interval of ISO 8601") from error


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(text)
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _bad_argument(message: str) -> AzureError:
    return AzureError(
        400,
        "BadArgumentError",
        f"The request had some invalid properties: {message}",
        details=[{"code": "SyntaxError", "message": message}],
    )


def _answer(table: kql.Table) -> Response:
    cell: dict[str, Callable[[Any], Any]] = {
        "datetime": lambda value: value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "dynamic": lambda value: orjson.dumps(value).decode(),
    }
    rows = [
        [
            None if row[column.name] is None else cell.get(column.type, lambda value: value)(row[column.name])
            for column in table.columns
        ]
        for row in table.rows
    ]
    columns = [{"name": column.name, "type": column.type} for column in table.columns]
    body = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]}
    return Response(orjson.dumps(body), media_type="application/json")
