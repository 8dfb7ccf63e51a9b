"""Every resource type that local Azure says it has goes through the same checks."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from adfkit.local_azure import cloud

CASES = json.loads((Path(__file__).parent / "resource_types.json").read_text())
OWN_TESTS = re.compile(
    # ARM's own, which have no namespace before them
    r"Microsoft\.Resources/.*"
    # computed by their services, and tested there
    r"|Microsoft\.Authorization/roleDefinitions|Microsoft\.Web/sites/.*|Microsoft\.DataFactory/factories/pipelineruns"
    r"|Microsoft\.MachineLearningServices/workspaces/(data|codes|environments|components|models|jobs)(/versions)?"
    r"|Microsoft\.MachineLearningServices/workspaces/batchEndpoints/deployments"
    r"|Microsoft\.DataFactory/factories/(dataflows|triggers(/triggerRuns)?|credentials|integrationRuntimes|globalParameters)",
    re.IGNORECASE,
)
IDS = [case["type"] for case in CASES]


@dataclass
class Arm:
    """Plain requests to ARM as the deployer, in one group that is there for all cases."""

    client: httpx.Client
    group: str
    unique: str
    versions: dict[str, str]
    principal: str = ""

    def send(
        self, method: str, path: str, body: Any = None, version: str | None = "", **headers: str
    ) -> httpx.Response:
        params = {} if version is None else {"api-version": version}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(method, path, json=body, params=params, headers=named)

    def settled(self, path: str, version: str) -> Any:
        """The resource once a long-running PUT has ended: until then not all of it is there."""
        while True:
            shown = self.send("GET", path, version=version)
            assert shown.status_code == 200
            if (shown.json().get("properties") or {}).get("provisioningState") not in ("Creating", "Updating"):
                return shown.json()
            time.sleep(0.02)

    def filled(self, value: Any) -> Any:
        """The value with its placeholders replaced."""
        text = json.dumps(value)
        places = {
            "group": self.group,
            "unique": self.unique,
            "tenant": cloud.HOME_TENANT_ID,
            "principal": self.principal,
        }
        for name, replacement in places.items():
            text = text.replace(f"{{{name}}}", replacement)
        return json.loads(text)

    def path(self, case: dict[str, Any], *, group: str = "", name: str = "") -> str:
        """The id of a case's resource, in another group or with another name if given."""
        namespace, *types = case["type"].split("/")
        names = self.filled(case["names"])
        names[-1] = name or names[-1]
        tail = "/".join(f"{type}/{each}" for type, each in zip(types, names, strict=True))
        return f"{group or self.group}/providers/{namespace}/{tail}"


@pytest.fixture(scope="module")
def arm(local_azure_session: Any) -> Iterator[Arm]:
    environment = local_azure_session.environment
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        token = local_azure_session.credential.get_token(f"{cloud.RESOURCE_MANAGER}.default").token
        client = httpx.Client(base_url=cloud.RESOURCE_MANAGER, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        with client:
            unique = uuid4().hex[:8]
            subscription = f"/subscriptions/{cloud.SUBSCRIPTION_ID}"
            providers = client.get(f"{subscription}/providers", params={"api-version": "2021-04-01"}).json()["value"]
            versions = {
                f"{provider['namespace']}/{type['resourceType']}": type["apiVersions"][0]
                for provider in providers
                for type in provider["resourceTypes"]
            }
            made = Arm(client, f"{subscription}/resourceGroups/types-{unique}", unique, versions)
            assert made.send("PUT", made.group, {"location": "westeurope"}, "2021-04-01").status_code == 201
            yield made
            _delete_group(made)


def _delete_group(arm: Arm) -> None:
    answer = arm.send("DELETE", arm.group, version="2021-04-01")
    assert answer.status_code in (200, 202), answer.text
    while answer.status_code == 202:
        answer = arm.client.get(answer.headers["location"])
    assert answer.status_code == 200, answer.text
    assert arm.send("GET", arm.group, version="2021-04-01").status_code == 404


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_no_type_is_left_out(arm: Arm) -> None:
    unseen = {name for name in arm.versions if not OWN_TESTS.fullmatch(name)} - set(IDS)
    assert unseen == set(), "give each type a case in resource_types.json"


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_type(arm: Arm, case: dict[str, Any]) -> None:
    """Refusals first, then one life; the resource stays for those that stand on it, until the group goes."""
    version, path = arm.versions[case["type"]], arm.path(case)
    _refuses_versions_and_groups(arm, case, version)
    if not case.get("exists"):
        assert arm.send("GET", path, version=version).status_code == 404
        if (gone := arm.send("DELETE", path, version=version)).status_code != 204:
            assert code(gone) == (405, "MethodNotAllowed")
    body = arm.filled(case["body"])
    if case.get("bad_name"):
        refused = arm.send("PUT", arm.path(case, name=case["bad_name"]), body, version)
        assert refused.status_code == 400, refused.text
    assert code(arm.send("PUT", path, {**body, "colour": "red"}, version)) == (400, "InvalidRequestContent")
    if "location" in body and path.count("/") == 8:
        assert (
            code(arm.send("PUT", path, {**body, "location": "x"}, version))[1] == "LocationNotAvailableForResourceType"
        )
    _lives(arm, case, path, body, version)


def _refuses_versions_and_groups(arm: Arm, case: dict[str, Any], version: str) -> None:
    path = arm.path(case)
    assert code(arm.send("GET", path, version=None)) == (400, "MissingApiVersionParameter")
    unknown = arm.send("GET", path, version="1999-01-01")
    assert code(unknown) == (400, "NoRegisteredProviderFound")
    assert version in unknown.json()["error"]["message"]
    nowhere = arm.path(case, group=f"{arm.group}-not")
    assert code(arm.send("GET", nowhere, version=version)) == (404, "ResourceGroupNotFound")
    assert code(arm.send("PUT", nowhere, arm.filled(case["body"]), version)) == (404, "ResourceGroupNotFound")


def _lives(arm: Arm, case: dict[str, Any], path: str, body: Any, version: str) -> None:
    stale = {"if_match": '"stale"'}
    assert arm.send("PUT", path, body, version, **stale).status_code == 412
    made = arm.send("PUT", path, body, version)
    assert made.status_code == 200 if case.get("exists") else made.status_code in (200, 201), made.text
    found = arm.settled(path, version)
    assert (found["id"].lower(), found["type"]) == (path.lower(), case["type"])
    assert found["id"] == path
    assert found["name"] in (path.rsplit("/", 1)[1], "/".join(arm.filled(case["names"])))
    if identity := body.get("identity"):
        assert (found["identity"]["type"], found["identity"]["tenantId"]) == (identity["type"], cloud.HOME_TENANT_ID)
    again = arm.send("PUT", path, body, version)
    assert again.status_code in (200, 201), again.text
    upper = arm.send("GET", path.upper(), version=version)
    assert upper.json()["id"] == found["id"]
    listed = arm.send("GET", path.rsplit("/", 1)[0], version=version).json()["value"]
    assert found["id"] in [each["id"] for each in listed]
    if case["type"].startswith("Microsoft.ManagedIdentity"):
        arm.principal = found["properties"]["principalId"]


@pytest.mark.parametrize("case", CASES[::-1], ids=IDS[::-1])
def test_type_ends(arm: Arm, case: dict[str, Any]) -> None:
    """In the opposite order, so that nothing is in use any more."""
    version, path = arm.versions[case["type"]], arm.path(case)
    gone = arm.send("DELETE", path, version=version)
    if case.get("exists"):
        assert code(gone) == (405, "MethodNotAllowed")
        return
    assert gone.status_code in (200, 202), gone.text
    assert arm.send("GET", path, version=version).status_code == 404
