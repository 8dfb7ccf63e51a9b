"""The ARM server: one request at a time through the same checks, then to the resource type's hooks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from weakref import WeakValueDictionary

from starlette.responses import Response

from adfkit.local_azure import resource_id
from adfkit.local_azure.arm import checks, errors, pages, responses
from adfkit.local_azure.arm.operations import Operations
from adfkit.local_azure.arm.registry import Registry
from adfkit.local_azure.arm.routing import (
    GROUPS,
    SUBSCRIPTIONS,
    ActionTarget,
    CollectionTarget,
    PageTarget,
    ResourceTarget,
    resolve,
)
from adfkit.local_azure.arm.writes import Writes
from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resource_id import ResourceId
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, ArmResponse, Json, RequestContext, ResourceType


class ArmServer:
    """Answers `https://management.<suffix>/` for the declared resource types."""

    def __init__(self, platform: Platform, resource_types: Iterable[ResourceType]) -> None:
        self._platform = platform
        self._registry = Registry(resource_types)
        self._operations = Operations(platform.store)
        self._writes = Writes(platform, self._registry, self._operations)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self) -> None:
        """Run again the operations that a killed process left in progress."""
        self._writes.resume()

    async def stop(self) -> None:
        """Stop the operations in progress; the next start runs them again."""
        await self._operations.stop()

    async def handle(self, context: RequestContext) -> Response:
        """Answer one request.

        Raises:
            AzureError: whatever ARM or the service refuses.
        """
        request = context.request
        principal = context.principal
        if principal is None:
            raise AzureError(
                401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
            )
        target = resolve(request.method, request.scope["path"], self._registry)
        query = {
            name.lower() if name.lower() == "api-version" else name: value
            for name, value in request.query_params.items()
        }
        match target:
            case PageTarget():
                if not query.get("api-version"):
                    raise errors.missing_api_version()
                return pages.answer(self._platform, self._registry, self._operations, target, principal, request, query)
            case CollectionTarget():
                return await self._list(context, target, principal, query)
            case ActionTarget():
                return await self._act(context, target, principal, query)
            case ResourceTarget():
                return await self._resource(context, target, principal, query)

    async def _list(
        self, context: RequestContext, target: CollectionTarget, principal: Principal, query: Mapping[str, str]
    ) -> Response:
        type = target.type
        if context.request.method != "GET":
            raise errors.method_not_allowed(context.request.method)
        version = checks.api_version(type, query.get("api-version"))
        parent = checks.scope_exists(self._platform.resources, self._registry, target.parent)
        if target.parent:  # the tenant's own lists show to each what is theirs
            self._platform.identity.authorize(principal, target.parent, action=_action(type, "read"))
        if type.list is not None:
            id = _parent_id(target.parent)
            request = self._request(context, principal, id, version, query, {}, parent)
            return _render(await type.list(request))
        if "$filter" in query:
            raise not_implemented(f"$filter in a list of '{type.name}'")
        if _is_container(target.parent, type):
            found = self._platform.resources.of_type(type.name, below=target.parent)
        else:
            found = self._platform.resources.children(target.parent, type.name)
        bodies = [responses.resource_body(self._platform, type, resource) for resource in found]
        return responses.json(responses.page(bodies, context.request.url, query))

    async def _act(
        self, context: RequestContext, target: ActionTarget, principal: Principal, query: Mapping[str, str]
    ) -> Response:
        type, resources = target.type, self._platform.resources
        method = context.request.method
        if method != "POST" and not (target.on_collection and method == "GET"):
            raise errors.method_not_allowed(method)
        version = checks.api_version(type, query.get("api-version"))
        body = checks.parse_body(await context.request.body())
        verb = f"{target.action}/action" if method == "POST" else "read"
        if target.on_collection:
            existing = checks.scope_exists(resources, self._registry, target.id)
            self._platform.identity.authorize(principal, target.id, action=_action(type, verb))
            id = _parent_id(target.id)
        else:
            id = resource_id.parse(target.id)
            checks.place(resources, self._registry, type, id, writing=False)
            self._platform.identity.authorize(principal, id.text, action=_action(type, verb))
            existing = resources.get(id.text)
            if existing is None and checks.is_stored(type):
                raise errors.not_found(id)
        return _render(await target.handler(self._request(context, principal, id, version, query, body, existing)))

    async def _resource(
        self, context: RequestContext, target: ResourceTarget, principal: Principal, query: Mapping[str, str]
    ) -> Response:
        type, id, method = target.type, target.id, context.request.method
        version = checks.api_version(type, query.get("api-version"))
        verb = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}.get(method)
        if verb is None:
            raise errors.method_not_allowed(method)
        checks.subscription_exists(id.subscription_id)
        # the role comes before existence: who may not read must not learn what exists
        self._platform.identity.authorize(principal, id.text, action=_action(type, verb))
        checks.place(self._platform.resources, self._registry, type, id, writing=method in ("PUT", "PATCH"))
        if verb == "read":
            return await self._get(context, target, principal, version, query)
        body = checks.parse_body(await context.request.body())
        async with self._locks.setdefault(id.key, asyncio.Lock()):
            existing = self._platform.resources.get(id.text)
            request = self._request(context, principal, id, version, query, body, existing)
            if method == "DELETE":
                return await self._writes.delete(type, request)
            return await self._writes.put(type, request, patch=method == "PATCH")

    async def _get(
        self,
        context: RequestContext,
        target: ResourceTarget,
        principal: Principal,
        version: str,
        query: Mapping[str, str],
    ) -> Response:
        type, id = target.type, target.id
        existing = self._platform.resources.get(id.text)
        if type.get is not None:
            return _render(await type.get(self._request(context, principal, id, version, query, {}, existing)))
        if existing is None:
            raise errors.group_not_found(id.name) if type.name == GROUPS else errors.not_found(id)
        if context.request.method == "HEAD":
            return Response(status_code=204)
        headers = {"ETag": f'"{existing.etag}"'}
        if context.request.headers.get("if-none-match", "").strip('"') == existing.etag:
            return Response(status_code=304, headers=headers)
        return responses.json(responses.resource_body(self._platform, type, existing), headers=headers)

    def _request(
        self,
        context: RequestContext,
        principal: Principal,
        id: ResourceId,
        version: str,
        query: Mapping[str, str],
        body: Json,
        existing: Resource | None,
    ) -> ArmRequest:
        return ArmRequest(
            platform=self._platform,
            principal=principal,
            id=id,
            api_version=version,
            body=body,
            query=query,
            headers=context.request.headers,
            existing=existing,
        )


def _parent_id(scope: str) -> ResourceId:
    return resource_id.parse(scope) if scope else ResourceId("", "", (), None, None, "")


def _action(type: ResourceType, verb: str) -> str:
    """The action that a role must grant, e.g. `Microsoft.Storage/storageAccounts/write`."""
    name = "Microsoft.Resources/subscriptions/resourceGroups" if type.name == GROUPS else type.name
    return f"{name}/{verb}"


def _is_container(scope: str, type: ResourceType) -> bool:
    """Whether a list at this scope reaches below what lies directly in it: a subscription, an extension's scope."""
    if not scope:
        return True
    return type.scope == "any" or resource_id.parse(scope).type == SUBSCRIPTIONS


def _render(response: ArmResponse) -> Response:
    return responses.json(response.body, response.status, response.headers)
