"""The ARM server on toy types: what holds for every type, and what waiting, failing and being killed look like."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from adfkit.local_azure import cloud
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.identity import Principal
from tests.local_azure.arm.toys import GROUP, SUBSCRIPTION, VERSION, Shop, serving, settled

BOX = f"{GROUP}/providers/Toys.Test/boxes/one"
TRAIN = f"{GROUP}/providers/Toys.Test/trains/fast"
HERE: dict[str, Any] = {"location": "westeurope"}
GROUP_VERSION = "2024-03-01"


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_what_has_no_answer(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path) as arm:
            toys = f"{GROUP}/providers/Toys.Test"
            other = "/subscriptions/ad0f0000-0000-4000-8000-00000000000f/resourceGroups/toys"
            cases = [
                ("GET", f"{toys}/rockets/one", 501, "NotImplemented"),
                ("GET", f"{GROUP}/providers/Other.Test/rockets/one", 501, "NotImplemented"),
                ("GET", f"{toys}/rockets", 501, "NotImplemented"),
                ("POST", f"{BOX}/paint", 501, "NotImplemented"),
                ("POST", BOX, 405, "MethodNotAllowed"),
                ("PUT", f"{toys}/ideas/one", 405, "MethodNotAllowed"),
                ("DELETE", f"{toys}/ideas/one", 405, "MethodNotAllowed"),
                ("PUT", f"{toys}/boxes", 405, "MethodNotAllowed"),
                ("GET", f"{SUBSCRIPTION}/providers/Toys.Test/boxes/one", 400, "InvalidResourceType"),
                ("PUT", f"{BOX}/bricks/red", 404, "ParentResourceNotFound"),
                ("GET", f"{BOX}/bricks", 404, "ResourceNotFound"),
                ("GET", BOX, 404, "ResourceNotFound"),
                ("PATCH", BOX, 404, "ResourceNotFound"),
                ("POST", f"{BOX}/spin", 404, "ResourceNotFound"),
                ("GET", f"{BOX}/providers/Toys.Test/labels/l", 404, "ResourceNotFound"),
                ("GET", other, 404, "SubscriptionNotFound"),
                ("GET", f"{GROUP}/nonsense", 404, "InvalidRequestUri"),
                ("GET", f"{toys}/boxes/one?$filter=x", 404, "ResourceNotFound"),
                ("GET", f"{toys}/boxes?$filter=x", 501, "NotImplemented"),
                ("GET", f"{SUBSCRIPTION}/providers/Nothing.Test", 404, "InvalidResourceNamespace"),
            ]
            for method, path, status, error in cases:
                version = GROUP_VERSION if path == other else VERSION
                sent = f"{path}&api-version={version}" if "?" in path else path
                body = HERE if method in ("PUT", "PATCH") else None
                assert code(await arm.send(method, sent, body, version=version)) == (status, error), (method, path)

    asyncio.run(run())


def test_a_resource_with_children_attached_things_and_actions(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path) as arm:
            assert (await arm.send("PUT", BOX, {**HERE, "tags": {"a": "b"}})).status_code == 201
            assert (await arm.send("PUT", f"{BOX}/bricks/red", {"properties": {"size": 1}})).status_code == 201
            label = f"{BOX}/providers/Toys.Test/labels/fragile"
            assert (await arm.send("PUT", label, {})).status_code == 201
            assert (await arm.send("POST", f"{BOX}/SPIN", {"times": 2})).json() == {"spun": "one", "times": 2}
            counted = await arm.send("POST", f"{GROUP}/providers/Toys.Test/boxes/count")
            assert counted.json() == {"parent": GROUP, "named": "toys"}
            patched = await arm.send("PATCH", BOX, {"tags": {"c": "d", "a": None}, "properties": {"x": 1}})
            assert (patched.json()["tags"], patched.json()["properties"]) == ({"c": "d"}, {"x": 1})
            listed = await arm.send("GET", f"{BOX}/bricks")
            assert [each["id"] for each in listed.json()["value"]] == [f"{BOX}/bricks/red"]
            everywhere = await arm.send("GET", f"{SUBSCRIPTION}/providers/toys.test/BOXES")
            assert [each["id"] for each in everywhere.json()["value"]] == [BOX]
            assert (await arm.send("DELETE", BOX)).status_code == 200
            assert code(await arm.send("GET", f"{BOX}/bricks/red"))[0] == 404
            assert arm.platform.resources.get(label) is None

    asyncio.run(run())


def test_etags_guard(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path) as arm:
            first = await arm.send("PUT", BOX, HERE, if_none_match="*")
            etag = first.headers["etag"]
            assert code(await arm.send("PUT", BOX, HERE, if_none_match="*")) == (412, "PreconditionFailed")
            assert (await arm.send("GET", BOX, if_none_match=etag)).status_code == 304
            second = await arm.send("PUT", BOX, HERE, if_match=etag)
            assert (second.status_code, second.headers["etag"] == etag) == (200, False)
            assert code(await arm.send("DELETE", BOX, if_match=etag)) == (412, "PreconditionFailed")
            assert (await arm.send("DELETE", BOX, if_match="*")).status_code == 200

    asyncio.run(run())


def test_what_is_fixed_stays(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path) as arm:
            await arm.send("PUT", BOX, {**HERE, "properties": {"shape": "cube"}})
            moved = await arm.send("PUT", BOX, {"location": "North Europe"})
            assert code(moved) == (409, "InvalidResourceLocation")
            changed = await arm.send("PUT", BOX, {**HERE, "properties": {"shape": "ball"}})
            assert code(changed) == (409, "PropertyChangeNotAllowed")
            kept = await arm.send("PUT", BOX, {"location": "West Europe", "properties": {}})
            assert kept.json()["properties"] == {"shape": "cube"}

    asyncio.run(run())


def test_lists_come_in_pages(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path) as arm:
            for name in ("a", "b", "c"):
                await arm.send("PUT", f"{GROUP}/providers/Toys.Test/boxes/{name}", HERE)
            url = f"{GROUP}/providers/Toys.Test/boxes?api-version={VERSION}&$top=2"
            first = (await arm.send("GET", url)).json()
            assert first["nextLink"].startswith(cloud.RESOURCE_MANAGER)
            second = (await arm.send("GET", first["nextLink"])).json()
            assert [each["name"] for each in first["value"] + second["value"]] == ["a", "b", "c"]
            assert "nextLink" not in second
            found = await arm.send("GET", f"{GROUP}/resources?api-version={VERSION}&$filter=name eq 'B'")
            assert [each["name"] for each in found.json()["value"]] == ["b"]

    asyncio.run(run())


def test_roles_decide(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path) as arm:
            await arm.send("PUT", BOX, HERE)
            deployer, stranger = arm.principal, arm.platform.identity.managed_identity(BOX, display_name="box")
            reader = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
            arm.principal = stranger
            refused = await arm.send("GET", BOX)
            assert code(refused) == (403, "AuthorizationFailed")
            assert f"perform action 'Toys.Test/boxes/read' over scope '{BOX}'" in refused.json()["error"]["message"]
            assert code(await arm.send("GET", f"{BOX}-not-there")) == (403, "AuthorizationFailed")
            grant = {"properties": {"principalId": stranger.object_id, "roleDefinitionId": reader}}
            assignment = f"{BOX}/providers/Microsoft.Authorization/roleAssignments/0f0f0f0f-0000-4000-8000-000000000001"
            arm.platform.resources.put(assignment, grant)
            assert (await arm.send("GET", BOX)).status_code == 200
            for method, path in [("PUT", BOX), ("DELETE", BOX), ("POST", f"{BOX}/spin")]:
                assert code(await arm.send(method, path, HERE)) == (403, "AuthorizationFailed")
            assert code(await arm.send("GET", f"{GROUP}/providers/Toys.Test/boxes")) == (403, "AuthorizationFailed")
            group = await arm.send("GET", GROUP, version=GROUP_VERSION)
            assert "'Microsoft.Resources/subscriptions/resourceGroups/read'" in group.json()["error"]["message"]
            arm.principal = None
            assert code(await arm.send("GET", BOX)) == (401, "AuthenticationFailed")
            arm.principal = deployer

    asyncio.run(run())


def test_identities_follow_their_resource(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path) as arm:
            identity = arm.platform.identity
            reader = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/reader"
            both = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {reader: {}}}
            missing = await arm.send("PUT", BOX, {**HERE, "identity": both})
            assert code(missing) == (400, "FailedIdentityOperation")
            await arm.send("PUT", reader, HERE, version="2023-01-31")
            block = (await arm.send("PUT", BOX, {**HERE, "identity": both})).json()["identity"]
            own = identity.principal(block["principalId"])
            assert isinstance(own, Principal)
            assert own.resource_id == BOX
            assert block["userAssignedIdentities"][reader]["principalId"] != own.object_id
            bad = await arm.send("PUT", BOX, {**HERE, "identity": {"type": "Borrowed"}})
            assert code(bad) == (400, "InvalidIdentityValues")
            assert (await arm.send("PUT", BOX, {**HERE, "identity": {"type": "None"}})).json().get("identity") is None
            assert identity.principal(own.object_id) is None
            block = (await arm.send("PUT", BOX, {**HERE, "identity": {"type": "SystemAssigned"}})).json()["identity"]
            gone = await settled(arm, await arm.send("DELETE", GROUP, version=GROUP_VERSION))
            assert gone.status_code == 200
            assert identity.principal(block["principalId"]) is None

    asyncio.run(run())


def test_a_long_create_is_polled(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path) as arm:
            wrong = await arm.send("PUT", TRAIN, {**HERE, "properties": {"colour": "wrong"}})
            assert code(wrong) == (400, "WrongColour")
            assert arm.platform.resources.get(TRAIN) is None
            started = await arm.send("PUT", TRAIN, HERE)
            assert started.status_code == 201
            assert started.json()["properties"]["provisioningState"] == "Creating"
            assert code(await arm.send("PUT", TRAIN, HERE)) == (409, "AnotherOperationInProgress")
            assert (await arm.send("GET", started.headers["location"])).status_code == 202
            arm.shop.gate.set()
            assert (await settled(arm, started)).json()["status"] == "Succeeded"
            made = (await arm.send("GET", TRAIN)).json()
            assert made["properties"] == {"made": True, "provisioningState": "Succeeded"}
            assert (await arm.send("GET", started.headers["location"])).json() == made
            arm.shop.gate.clear()
            ending = await arm.send("DELETE", TRAIN)
            assert ending.status_code == 202
            assert (await arm.send("GET", TRAIN)).json()["properties"]["provisioningState"] == "Deleting"
            arm.shop.gate.set()
            assert (await settled(arm, ending)).json()["status"] == "Succeeded"
            assert (await arm.send("DELETE", TRAIN)).status_code == 204

    asyncio.run(run())


def test_a_long_create_that_fails_says_why(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path) as arm:
            started = await arm.send("PUT", TRAIN, HERE)
            arm.shop.fail = AzureError(409, "OutOfRails", "No more rails.")
            arm.shop.gate.set()
            ended = await settled(arm, started)
            assert (ended.json()["status"], ended.json()["error"]["code"]) == ("Failed", "OutOfRails")
            assert (await arm.send("GET", TRAIN)).json()["properties"]["provisioningState"] == "Failed"
            assert code(await arm.send("GET", started.headers["location"])) == (409, "OutOfRails")
            arm.shop.fail = None
            assert (await arm.send("PUT", TRAIN, HERE)).json()["properties"]["provisioningState"] == "Succeeded"

    asyncio.run(run())


def test_what_was_interrupted_goes_on(tmp_path: Path) -> None:
    """The process ends while a create and a group's deletion are under way; the next one finishes them."""

    async def first() -> tuple[httpx.Response, httpx.Response]:
        async with serving(tmp_path) as arm:
            created = await arm.send("PUT", TRAIN, {**HERE, "identity": {"type": "SystemAssigned"}})
            other = f"{SUBSCRIPTION}/resourceGroups/other"
            await arm.send("PUT", other, HERE, version=GROUP_VERSION)
            arm.platform.resources.put(f"{other}/providers/Toys.Test/trains/slow", HERE)
            return created, await arm.send("DELETE", other, version=GROUP_VERSION)

    async def second(created: httpx.Response, deleted: httpx.Response) -> None:
        shop = Shop()
        async with serving(tmp_path, shop) as arm:
            assert (await arm.send("GET", created.headers["azure-asyncoperation"])).json()["status"] == "InProgress"
            shop.gate.set()
            assert (await settled(arm, created)).json()["status"] == "Succeeded"
            made = (await arm.send("GET", TRAIN)).json()
            assert made["properties"]["made"] is True
            assert "principalId" in made["identity"]
            assert (await settled(arm, deleted)).status_code == 200
            assert shop.deleted == ["slow"]

    created, deleted = asyncio.run(first())
    assert (created.status_code, deleted.status_code) == (201, 202)
    asyncio.run(second(created, deleted))


def test_a_group_goes_with_all_in_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path) as arm:
            arm.shop.gate.set()
            two = f"{GROUP}/providers/Toys.Test/boxes/two"
            for box in (BOX, two):
                await arm.send("PUT", box, HERE)
            await arm.send("PUT", f"{BOX}/bricks/red", {})
            await arm.send("PUT", TRAIN, HERE)
            arm.shop.refuse_delete = {"one"}  # in use until the others are gone
            arm.shop.gate.clear()
            ending = await arm.send("DELETE", GROUP, version=GROUP_VERSION)
            assert ending.status_code == 202
            assert "azure-asyncoperation" not in ending.headers
            late = await arm.send("PUT", f"{GROUP}/providers/Toys.Test/boxes/late", HERE)
            assert code(late) == (409, "ResourceGroupBeingDeleted")
            arm.shop.gate.set()
            assert (await settled(arm, ending)).status_code == 200
            assert arm.shop.deleted == ["two", "fast", "one"]
            assert code(await arm.send("GET", GROUP, version=GROUP_VERSION)) == (404, "ResourceGroupNotFound")
            assert code(await arm.send("DELETE", GROUP, version=GROUP_VERSION)) == (404, "ResourceGroupNotFound")

    asyncio.run(run())


def test_a_group_that_something_keeps_stays(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path) as arm:
            await arm.send("PUT", BOX, HERE)
            arm.shop.refuse_delete = {"one"}
            ended = await arm.send("DELETE", GROUP, version=GROUP_VERSION)
            assert code(ended) == (409, "ResourceGroupDeletionBlocked")
            (detail,) = ended.json()["error"]["details"]
            assert (detail["code"], detail["target"]) == ("InUse", BOX)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ([], "InvalidRequestContent"),
        ({"properties": []}, "InvalidRequestContent"),
        ({"tags": {"a": 1}}, "InvalidRequestContent"),
        ({"tags": {"a/b": "c"}}, "InvalidTagNameCharacters"),
        ({"tags": {str(number): "x" for number in range(51)}}, "InvalidTags"),
        ({"location": 7}, "LocationRequired"),
    ],
)
def test_bodies_are_checked(tmp_path: Path, body: Any, error: str) -> None:
    async def run() -> None:
        async with serving(tmp_path) as arm:
            sent = {**HERE, **body} if isinstance(body, dict) else body
            assert code(await arm.send("PUT", BOX, sent)) == (400, error)

    asyncio.run(run())
