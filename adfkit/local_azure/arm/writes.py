"""PUT, PATCH and DELETE of a resource, at once or as a long-running operation."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import asdict, replace
from typing import Any

from starlette.responses import Response

from adfkit.local_azure import resource_id
from adfkit.local_azure.arm import checks, errors, identities, responses
from adfkit.local_azure.arm.operations import Operations
from adfkit.local_azure.arm.registry import Registry
from adfkit.local_azure.arm.routing import GROUPS
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, Json, ResourceType

GRACE = 0.1
"""Seconds that a long-running operation may take before its client is told to poll."""


class Writes:
    """Changes resources."""

    def __init__(self, platform: Platform, registry: Registry, operations: Operations) -> None:
        self._platform = platform
        self._registry = registry
        self._operations = operations

    async def put(self, type: ResourceType, request: ArmRequest, *, patch: bool) -> Response:
        """Create or change a resource."""
        if type.put is None:
            raise errors.method_not_allowed("PATCH" if patch else "PUT")
        self._refuse_while_in_progress(request)
        _check_preconditions(request)
        if patch:
            stored = request.existing
            if stored is None:
                raise errors.group_not_found(request.id.name) if type.name == GROUPS else errors.not_found(request.id)
            request = replace(request, body=checks.merge(dict(stored.body), request.body))
        elif request.existing is None:
            checks.name(type, request.id)
        body = checks.envelope(type, request.id, request.body, request.existing)
        request = replace(request, body=checks.create_only(type, request.id, body, request.existing))
        status = 200 if request.existing else type.created_status
        if not type.long_running:
            return self._show(type, await self._write(type, request), status)
        return await self._put_long(type, request, status)

    async def _put_long(self, type: ResourceType, request: ArmRequest, status: int) -> Response:
        work = asyncio.ensure_future(self._write(type, request))
        await asyncio.wait({work}, timeout=GRACE)
        if work.done():
            return self._show(type, work.result(), status)
        state = "Updating" if request.existing else "Creating"
        resource = self._set_state(request.id.text, request.existing.body if request.existing else request.body, state)
        operation = self._operations.start(
            request.id.key, _record("PUT", request), work, lambda: self._fail(request.id.text)
        )
        headers = responses.operation_headers(operation, request.api_version)
        return self._show(type, resource, 201 if request.existing is None else 202, headers)

    async def _write(self, type: ResourceType, request: ArmRequest) -> Resource:
        assert type.put is not None  # noqa: S101 - `put` refused it
        block = identities.resolve(self._platform, request.id, request.body.get("identity"))
        had_system = request.existing is not None and _has_system_identity(request.existing)
        body = {key: value for key, value in request.body.items() if key != "identity"}
        if block is not None:
            body["identity"] = block
        body = await type.put(replace(request, body=body))
        if type.long_running:
            body = {**body, "properties": {**body.get("properties", {}), "provisioningState": "Succeeded"}}
        if had_system and (block is None or "principalId" not in block):
            self._platform.identity.remove(request.id.text)
        return self._platform.resources.put(request.id.text, body)

    async def delete(self, type: ResourceType, request: ArmRequest) -> Response:
        """Remove a resource with all below it."""
        if type.delete is None:
            raise errors.method_not_allowed("DELETE")
        existing = request.existing
        if existing is None:
            if type.name == GROUPS:
                raise errors.group_not_found(request.id.name)
            if checks.is_stored(type):
                return Response(status_code=204)
            await type.delete(request)
            return Response(status_code=200)
        self._refuse_while_in_progress(request)
        _check_preconditions(request)
        work = asyncio.ensure_future(self._remove(type, request))
        if not type.long_running:
            await work
            return self._show(type, existing, 200) if type.shows_deleted else Response(status_code=200)
        await asyncio.wait({work}, timeout=0 if type.name == GROUPS else GRACE)
        if work.done():
            work.result()
            return Response(status_code=200)
        self._set_state(existing.id, existing.body, "Deleting")
        operation = self._operations.start(
            request.id.key, _record("DELETE", request), work, lambda: self._fail(existing.id)
        )
        return Response(status_code=202, headers=responses.operation_headers(operation, request.api_version))

    async def _remove(self, type: ResourceType, request: ArmRequest) -> None:
        if type.name == GROUPS:
            await self._empty_group(request)
        assert type.delete is not None  # noqa: S101 - `delete` refused it
        await type.delete(request)
        for removed in self._platform.resources.delete(request.id.text):
            if _has_system_identity(removed):
                self._platform.identity.remove(removed.id)

    async def _empty_group(self, request: ArmRequest) -> None:
        """Remove a group's resources; one that another still uses is tried again once that is gone."""
        remaining = self._platform.resources.children(request.id.text)
        while remaining:
            refused: list[tuple[Resource, AzureError]] = []
            for resource in remaining:
                inner = replace(request, id=resource_id.parse(resource.id), existing=resource, body={})
                try:
                    await self._remove(self._registry.require(resource.type), inner)
                except AzureError as error:
                    refused.append((resource, error))
            if len(refused) == len(remaining):
                raise _deletion_blocked(request, refused)
            remaining = [resource for resource, _ in refused]

    def resume(self) -> None:
        """Run again every operation that is recorded as in progress."""
        for operation in self._operations.running():
            recorded = operation.request
            id = resource_id.parse(recorded["id"])
            request = ArmRequest(
                platform=self._platform,
                principal=Principal(**recorded["principal"]),
                id=id,
                api_version=recorded["api_version"],
                body=recorded["body"],
                query={},
                headers={},
                existing=self._platform.resources.get(id.text),
            )
            type = self._registry.require(id.type)
            work: Coroutine[Any, Any, Any] = (
                self._remove(type, request) if recorded["method"] == "DELETE" else self._write(type, request)
            )
            self._operations.run(operation.name, work, lambda id=id: self._fail(id.text))  # type: ignore[misc]

    def _refuse_while_in_progress(self, request: ArmRequest) -> None:
        if self._operations.running(request.id.key):
            raise errors.operation_in_progress(request.id)

    def _set_state(self, id: str, body: Any, state: str) -> Resource:
        properties = {**(body.get("properties") or {}), "provisioningState": state}
        return self._platform.resources.put(id, {**body, "properties": properties})

    def _fail(self, id: str) -> None:
        resource = self._platform.resources.get(id)
        if resource is not None:
            self._set_state(id, resource.body, "Failed")

    def _show(
        self, type: ResourceType, resource: Resource, status: int, headers: dict[str, str] | None = None
    ) -> Response:
        body = responses.resource_body(self._platform, type, resource)
        return responses.json(body, status, {"ETag": f'"{resource.etag}"', **(headers or {})})


def _check_preconditions(request: ArmRequest) -> None:
    if_match = request.headers.get("if-match")
    if request.headers.get("if-none-match") == "*" and request.existing is not None:
        raise errors.already_exists(request.id)
    if if_match is None or (if_match == "*" and request.existing):
        return
    if request.existing is None or if_match.strip('"') != request.existing.etag:
        raise AzureError(
            412, "PreconditionFailed", f"'{request.id.text}' has changed: '{if_match}' is not its ETag any more."
        )


def _has_system_identity(resource: Resource) -> bool:
    return "principalId" in (resource.body.get("identity") or {})


def _record(method: str, request: ArmRequest) -> Json:
    return {
        "method": method,
        "id": request.id.text,
        "api_version": request.api_version,
        "principal": asdict(request.principal),
        "body": request.body,
    }


def _deletion_blocked(request: ArmRequest, refused: list[tuple[Resource, AzureError]]) -> AzureError:
    return AzureError(
        409,
        "ResourceGroupDeletionBlocked",
        f"Deletion of resource group '{request.id.name}' failed as resources with identifiers "
        f"'{', '.join(resource.id for resource, _ in refused)}' could not be deleted.",
        details=[{"code": error.code, "target": resource.id, "message": error.message} for resource, error in refused],
    )
