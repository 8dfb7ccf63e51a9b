"""What the infrastructure services refuse, and what they tell of what they made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from adfkit.local_azure import cloud

CASES = json.loads((Path(__file__).parent / "infrastructure_refusals.json").read_text())
GROUP_VERSION = "2024-03-01"


class Arm:
    """A group with a lake and a Batch account, and plain requests to what is in it."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.unique = uuid4().hex[:8]
        self.group = f"/subscriptions/{cloud.SUBSCRIPTION_ID}/resourceGroups/infra-{self.unique}"

    def send(self, method: str, path: str, body: Any = None, version: str = GROUP_VERSION) -> httpx.Response:
        return self.client.request(method, path, json=body, params={"api-version": version})

    def put(self, path: str, body: Any, version: str) -> httpx.Response:
        """PUT below the group, in its location, with the placeholders of path and body replaced."""
        text = json.dumps({"path": path, "body": body})
        places = {"{group}": self.group, "{unique}": self.unique, "{tenant}": cloud.HOME_TENANT_ID}
        for place, value in places.items():
            text = text.replace(place, value)
        filled = json.loads(text)
        is_child = filled["path"].count("/") > 2
        sent = filled["body"] if is_child else {"location": "westeurope", **filled["body"]}
        return self.send("PUT", f"{self.group}/providers/{filled['path']}", sent, version)

    def made(self, path: str, body: Any, version: str) -> Any:
        """The body of what a PUT made."""
        answer = self.put(path, body, version)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


@pytest.fixture(scope="module")
def arm(local_azure_session: Any) -> Iterator[Arm]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in local_azure_session.environment.items():
            patch.setenv(name, value)
        token = local_azure_session.credential.get_token(f"{cloud.RESOURCE_MANAGER}.default").token
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=cloud.RESOURCE_MANAGER, headers=headers, timeout=60) as client:
            made = Arm(client)
            assert made.send("PUT", made.group, {"location": "westeurope"}).status_code == 201
            lake = {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
            made.made(
                "Microsoft.Storage/storageAccounts/acct{unique}",
                {**lake, "properties": {"isHnsEnabled": True}},
                "2024-01-01",
            )
            made.made("Microsoft.Batch/batchAccounts/batch{unique}", {}, "2024-07-01")
            yield made
            assert made.send("DELETE", made.group).status_code in (200, 202)


@pytest.mark.parametrize("case", CASES, ids=[case["what"] for case in CASES])
def test_refused(arm: Arm, case: dict[str, Any]) -> None:
    answer = arm.put(case["path"], case["body"], case["version"])
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (case["status"], case["code"])
    assert case["says"] in error["message"]


def test_workspace_keeps_its_ids(arm: Arm) -> None:
    path, version = "Microsoft.OperationalInsights/workspaces/logs", "2023-09-01"
    first = arm.made(path, {}, version)["properties"]
    second = arm.made(path, {"properties": {"retentionInDays": 90}}, version)["properties"]
    assert (first["retentionInDays"], second["retentionInDays"]) == (30, 90)
    assert first["customerId"] == second["customerId"]
    body = {
        "kind": "web",
        "properties": {
            "Application_Type": "web",
            "WorkspaceResourceId": "{group}/providers/Microsoft.OperationalInsights/workspaces/logs",
        },
    }
    insights = arm.made("Microsoft.Insights/components/insights", body, "2020-02-02")["properties"]
    assert insights["ConnectionString"].startswith(f"InstrumentationKey={insights['InstrumentationKey']};")
    assert insights["ConnectionString"].endswith(f"ApplicationId={insights['AppId']}")
    assert arm.made("Microsoft.Insights/components/insights", body, "2020-02-02")["properties"] == insights


def test_hosts_are_azures(arm: Arm) -> None:
    vault = {"tenantId": cloud.HOME_TENANT_ID, "sku": {"family": "A", "name": "premium"}, "accessPolicies": []}
    shown = arm.made("Microsoft.KeyVault/vaults/kv-{unique}", {"properties": vault}, "2024-11-01")["properties"]
    assert shown["vaultUri"] == f"https://kv-{arm.unique}.vault.azure.localhost/"
    batch = arm.made("Microsoft.Batch/batchAccounts/batch{unique}", {}, "2024-07-01")["properties"]
    assert batch["accountEndpoint"] == f"batch{arm.unique}.westeurope.batch.azure.localhost"


def test_a_databricks_workspace_brings_its_group(arm: Arm) -> None:
    managed = f"{arm.group}-managed"
    body = {"sku": {"name": "premium"}, "properties": {"managedResourceGroupId": managed}}
    shown = arm.made("Microsoft.Databricks/workspaces/dbw", body, "2026-01-01")
    number = int(shown["properties"]["workspaceId"])
    assert shown["properties"]["workspaceUrl"] == f"adb-{number}.{number % 20}.azuredatabricks.azure.localhost"
    assert shown["properties"]["provisioningState"] == "Succeeded"
    group = arm.send("GET", managed).json()
    assert group["managedBy"] == shown["id"]
    taken = arm.put("Microsoft.Databricks/workspaces/other", body, "2026-01-01")
    assert taken.json()["error"]["code"] == "ManagedResourceGroupAlreadyExists"
    assert arm.send("DELETE", shown["id"], version="2026-01-01").status_code in (200, 202)
    assert arm.send("GET", managed).status_code == 404
