"""A Databricks workspace as Data Factory's activities use it: a one-time run with one task, looked at until it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from adfkit.local_azure.services.data_factory.runtime import http
from adfkit.local_azure.services.data_factory.runtime.connections import LinkedService
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure, required_property, unsupported
from adfkit.local_azure.services.data_factory.runtime.factory import HttpRequest
from adfkit.local_azure.services.data_factory.runtime.json_values import to_json

AUDIENCE: Final = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
"""Azure Databricks' own application."""
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 5.0
"""Seconds between looks at a run: more with each, up to this."""
ENDED: Final = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
TYPE: Final = "AzureDatabricks"
FAILED: Final = "3204"

Json = dict[str, Any]


class DatabricksWorkspace:
    """The workspace of a linked service, called with the factory's identity."""

    def __init__(self, context: ActivityContext, linked_service: LinkedService) -> None:
        """Raises ActivityFailure where the linked service is another one, lacks a property or has a token."""
        kind = context.definition["type"]
        if linked_service.type not in (TYPE, "AzureDatabricksDeltaLake"):
            raise ActivityFailure(
                "2110", f"The linked service type '{linked_service.type}' is not supported for '{kind}' activities."
            )
        properties = linked_service.properties
        domain = str(properties.get("domain") or "")
        if not domain:
            raise required_property("domain")
        if properties.get("accessToken"):
            raise unsupported(
                f"'accessToken' in linked service '{linked_service.name}'; have 'authentication' MSI and "
                "'workspaceResourceId' in its place, and give the factory's identity Contributor on the workspace"
            )
        if str(properties.get("authentication") or "").upper() != "MSI" or not properties.get("workspaceResourceId"):
            raise required_property("workspaceResourceId" if properties.get("authentication") else "authentication")
        self._context = context
        self._properties = properties
        self._credential = linked_service.credential
        self._resource = str(properties["workspaceResourceId"])
        self._base = f"https://{urlsplit(domain).netloc or domain.strip('/')}"

    def compute(self) -> Json:
        """Where a task runs, as the Jobs API takes it: the cluster that there is, or a new one.

        Raises:
            ActivityFailure: the linked service names none, or something that Data Factory's schema does not have here.
        """
        given = self._properties
        if cluster := given.get("existingClusterId"):
            return {"existing_cluster_id": str(cluster)}
        version, workers = given.get("newClusterVersion"), str(given.get("newClusterNumOfWorker") or "")
        if not version or not workers:
            raise required_property("newClusterVersion" if not version else "newClusterNumOfWorker")
        if given.get("policyId"):
            raise unsupported("'policyId' of an AzureDatabricks linked service")
        cluster_body: Json = {"spark_version": str(version), **_workers(workers)}
        if pool := given.get("instancePoolId"):
            cluster_body["instance_pool_id"] = str(pool)
        elif node := given.get("newClusterNodeType"):
            cluster_body["node_type_id"] = str(node)
            if driver := given.get("newClusterDriverNodeType"):
                cluster_body["driver_node_type_id"] = str(driver)
            if tags := given.get("newClusterCustomTags"):
                cluster_body["custom_tags"] = _texts(tags)
        else:
            raise required_property("newClusterNodeType")
        for name, property in (("spark_conf", "newClusterSparkConf"), ("spark_env_vars", "newClusterSparkEnvVars")):
            if values := given.get(property):
                cluster_body[name] = _texts(values)
        if destination := given.get("newClusterLogDestination"):
            cluster_body["cluster_log_conf"] = {"dbfs": {"destination": str(destination)}}
        if scripts := given.get("newClusterInitScripts"):
            cluster_body["init_scripts"] = [{"dbfs": {"destination": str(script)}} for script in scripts]
        if mode := given.get("dataSecurityMode"):
            cluster_body["data_security_mode"] = str(mode)
        return {"new_cluster": cluster_body}

    async def submit(self, name: str, task: Mapping[str, Any], token: str) -> int:
        """Begin a run with one task; the same idempotency token again is the same run.

        Raises:
            ActivityFailure: Databricks refuses.
        """
        body = {"run_name": name, "tasks": [{"task_key": "main", **task}], "idempotency_token": token}
        return int((await self._call("POST", "jobs/runs/submit", body))["run_id"])

    async def wait(self, run_id: int) -> Json:
        """The run once it has ended.

        Raises:
            ActivityFailure: Databricks does not tell.
        """
        pause = FIRST_WAIT
        while True:
            run = await self._call("GET", f"jobs/runs/get?{urlencode({'run_id': run_id})}")
            if run["state"]["life_cycle_state"] in ENDED:
                return run
            await self._context.clock.sleep(pause)
            pause = min(pause * 1.5, LONGEST_WAIT)

    async def output(self, run: Mapping[str, Any]) -> Json:
        """What the task of a run gave.

        Raises:
            ActivityFailure: Databricks does not tell.
        """
        return await self._call("GET", f"jobs/runs/get-output?{urlencode({'run_id': run['tasks'][0]['run_id']})}")

    async def cancel(self, run_id: int) -> None:
        """Cancel a run."""
        await self._call("POST", "jobs/runs/cancel", {"run_id": run_id})

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        token = self._context.cloud.token(AUDIENCE, self._credential)
        headers = {"Authorization": f"Bearer {token}", "X-Databricks-Azure-Workspace-Resource-Id": self._resource}
        content = to_json(body) if body is not None else b""
        response = await self._context.cloud.send(
            HttpRequest(method=method, url=f"{self._base}/api/2.1/{path}", headers=headers, content=content)
        )
        answer = http.json_object(response) or {}
        if 200 <= response.status < 300:
            return answer
        said = f"{answer.get('error_code') or response.reason}: {answer.get('message') or response.text}"
        note = http.refusal_note(self._context, response.status, AUDIENCE, self._credential)
        code = "3200" if response.status in (401, 403) else "3201" if "Missing required field" in said else FAILED
        raise ActivityFailure(code, f"Error {response.status} of {self._base}: {said}{note}")


def _workers(text: str) -> Json:
    least, colon, most = text.partition(":")
    if not (least.isdecimal() and (most.isdecimal() or not colon)):
        raise ActivityFailure("2104", f"'newClusterNumOfWorker' must be a number, or two as in '1:10'; it is '{text}'.")
    return (
        {"autoscale": {"min_workers": int(least), "max_workers": int(most)}} if colon else {"num_workers": int(least)}
    )


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else to_json(value).decode() for name, value in values.items()}
