"""What functions log, by the official query client of the workspace that their app sends it to."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import LogsQueryClient

from adfkit.local_azure import cloud

CODE = """
import logging
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="speak")
def speak(req: func.HttpRequest) -> str:
    logging.warning("canary %s", req.params["name"])
    if "fail" in req.params:
        raise ValueError("no such canary")
    return "sung"
"""
DAY = timedelta(days=1)


def put(web: Any, path: str, version: str, body: dict[str, Any]) -> Any:
    id = f"/subscriptions/{cloud.SUBSCRIPTION_ID}/resourceGroups/{web.group}/providers/{path}"
    return web.resources.resources.begin_create_or_update_by_id(id, body, api_version=version).result()


@pytest.fixture
def client(local_azure: Any) -> Any:
    with LogsQueryClient(local_azure.credential, endpoint=f"https://api.loganalytics.{cloud.SUFFIX}") as client:
        yield client


def test_traces_requests_and_exceptions_of_an_operation(web: Any, client: LogsQueryClient) -> None:
    workspace = put(
        web,
        f"Microsoft.OperationalInsights/workspaces/logs-{uuid4().hex[:8]}",
        "2023-09-01",
        {"location": "westeurope"},
    )
    properties = {"Application_Type": "web", "WorkspaceResourceId": workspace.id}
    component = put(
        web,
        f"Microsoft.Insights/components/insights-{uuid4().hex[:8]}",
        "2020-02-02",
        {"location": "westeurope", "kind": "web", "properties": properties},
    )
    app = web.app(APPLICATIONINSIGHTS_CONNECTION_STRING=component.properties["ConnectionString"])
    app.publish(CODE)
    trace = uuid4().hex
    headers = {"traceparent": f"00-{trace}-{trace[:16]}-01"}
    assert app.call("GET", "/api/speak?name=one", headers=headers).text == "sung"
    assert app.call("GET", "/api/speak?name=two&fail=1", headers=headers).status_code == 500
    assert app.call("GET", "/api/speak?name=another").text == "sung"
    id = workspace.properties["customerId"]

    def ask(table: str, columns: str) -> list[Any]:
        query = f"{table} | where OperationId == '{trace}' | order by TimeGenerated asc | project {columns}"
        (found,) = client.query_workspace(id, query, timespan=DAY).tables
        (same,) = client.query_resource(component.id, query, timespan=None).tables
        rows = [tuple(row) for row in found.rows]
        assert [tuple(row) for row in same.rows] == rows
        return rows

    traces = ask("AppTraces", "Message, SeverityLevel, OperationName, AppRoleName, Properties")
    said = [(message, level, name, role) for message, level, name, role, _ in traces if message.startswith("canary")]
    assert said == [("canary one", 2, "speak", app.name), ("canary two", 2, "speak", app.name)]
    assert json.loads(traces[0][4])["Category"] == "Function.speak.User"
    requests = ask("AppRequests", "Name, Success, ResultCode, DurationMs")
    assert [row[:3] for row in requests] == [("speak", True, "200"), ("speak", False, "500")]
    assert all(row[3] > 0 for row in requests)
    ((message,),) = ask("AppExceptions", "OuterMessage")
    assert "ValueError: no such canary" in message
    with pytest.raises(HttpResponseError) as refused:
        client.query_workspace(id, "AppTraces | render timechart", timespan=DAY)
    assert refused.value.error
    assert refused.value.error.code == "BadArgumentError"
    assert "local Azure does not support the operator 'render'" in refused.value.message
    with pytest.raises(HttpResponseError) as unknown:
        client.query_workspace(str(uuid4()), "AppTraces", timespan=DAY)
    assert unknown.value.error
    assert unknown.value.error.code == "WorkspaceNotFoundError"
    app.remove()
