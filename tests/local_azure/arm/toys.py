"""An ARM server over toy resource types, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from adfkit.local_azure import cloud
from adfkit.local_azure.arm import ArmServer
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.identity import Identity, Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resources
from adfkit.local_azure.service import (
    ArmRequest,
    ArmResponse,
    Json,
    RequestContext,
    ResourceType,
    render_arm_error,
)
from adfkit.local_azure.services.managed_identity.types import RESOURCE_TYPES as IDENTITY_TYPES
from adfkit.local_azure.services.resources.types import RESOURCE_TYPES
from adfkit.local_azure.store import Store

SUBSCRIPTION = f"/subscriptions/{cloud.SUBSCRIPTION_ID}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/toys"
VERSION = "2024-01-01"


@dataclass
class Shop:
    """The hooks of the toys, and what they were told. `gate` holds back slow toys until it is set."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    fail: AzureError | None = None
    refuse_delete: set[str] = field(default_factory=set)
    put: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    async def put_slow(self, request: ArmRequest) -> Json:
        self.put.append(request.id.name)
        if request.body.get("properties", {}).get("colour") == "wrong":
            raise AzureError(400, "WrongColour", "No such colour.")
        await self.gate.wait()
        if self.fail:
            raise self.fail
        return {**request.body, "properties": {**request.body.get("properties", {}), "made": True}}

    async def delete(self, request: ArmRequest) -> None:
        if request.id.name in self.refuse_delete:
            self.refuse_delete.discard(request.id.name)
            raise AzureError(409, "InUse", f"'{request.id.name}' is in use.")
        self.deleted.append(request.id.name)

    async def delete_slow(self, request: ArmRequest) -> None:
        await self.gate.wait()
        await self.delete(request)

    async def spin(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse({"spun": request.require().name, "times": request.body.get("times")})

    async def count(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse({"parent": request.id.text, "named": request.existing.name if request.existing else None})

    def types(self) -> Sequence[ResourceType]:
        """A toy with children, and one that takes its time."""
        versions = frozenset({VERSION})
        return (
            *RESOURCE_TYPES,
            *IDENTITY_TYPES,
            ResourceType(
                name="Toys.Test/boxes",
                api_versions=versions,
                delete=self.delete,
                actions={"spin": self.spin},
                list_actions={"count": self.count},
                create_only=("properties.shape",),
            ),
            ResourceType(name="Toys.Test/boxes/bricks", api_versions=versions, delete=self.delete),
            ResourceType(
                name="Toys.Test/trains",
                api_versions=versions,
                put=self.put_slow,
                delete=self.delete_slow,
                long_running=True,
            ),
            ResourceType(name="Toys.Test/labels", api_versions=versions, scope="any"),
            ResourceType(name="Toys.Test/ideas", api_versions=versions, put=None, delete=None),
        )


@dataclass
class Arm:
    """A client of the toy server, as a principal (the deployer unless told)."""

    server: ArmServer
    platform: Platform
    shop: Shop
    principal: Principal | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        context = RequestContext(
            platform=self.platform, request=request, host={}, principal=self.principal, trace_id="trace"
        )
        try:
            response = await self.server.handle(context)
        except AzureError as error:
            response = render_arm_error(error)
        await response(scope, receive, send)

    async def send(
        self, method: str, path: str, body: Any = None, *, version: str | None = VERSION, **headers: str
    ) -> httpx.Response:
        """One request to an id, or to a URL that the server gave."""
        path = path.removeprefix(cloud.RESOURCE_MANAGER.rstrip("/"))
        params = None if version is None or "api-version=" in path else {"api-version": version}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        transport = httpx.ASGITransport(app=self)
        async with httpx.AsyncClient(transport=transport, base_url=cloud.RESOURCE_MANAGER) as client:
            return await client.request(method, path, json=body, params=params, headers=named)


@asynccontextmanager
async def serving(folder: Path, shop: Shop | None = None) -> AsyncIterator[Arm]:
    """A server on the state in `folder`, with the group `toys`; stopped without waiting for its operations."""
    shop = shop or Shop()
    store = Store(folder / "arm.db")
    resources = Resources(store)
    identity = Identity(folder, store, resources)
    absent = cast(Any, None)  # what the toys need nothing of
    platform = Platform(folder, store, resources, identity, absent, absent, absent, {})
    arm = Arm(ArmServer(platform, shop.types()), platform, shop, identity.principal(identity.deployer().object_id))
    await arm.server.start()
    await arm.send("PUT", GROUP, {"location": "westeurope"}, version="2024-03-01")
    try:
        yield arm
    finally:
        await arm.server.stop()
        store.close()


async def settled(arm: Arm, response: httpx.Response) -> httpx.Response:
    """Poll as a client does: the status page until it ends, else the result page."""
    if url := response.headers.get("azure-asyncoperation"):
        while (answer := await arm.send("GET", url)).json()["status"] == "InProgress":  # noqa: ASYNC110 - as clients do
            await asyncio.sleep(0.01)
        return answer
    answer = response
    while answer.status_code == 202:
        answer = await arm.send("GET", response.headers["location"])
        await asyncio.sleep(0.01)
    return answer
