"""Versioned assets (data, code, environments, components, models): a container a name, made by its first version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from adfkit.local_azure import resource_id
from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, ArmResponse, Handler, Json, ResourceType
from adfkit.local_azure.services.machine_learning import errors
from adfkit.local_azure.services.machine_learning.api import API_VERSIONS, PROVIDER, system_data, workspace_of


@dataclass(frozen=True, slots=True)
class AssetKind:
    """One kind of asset: its segment in ids, its name in errors, and the properties that a version keeps for good."""

    segment: str
    noun: str
    fixed: tuple[str, ...]

    @property
    def container_type(self) -> str:
        """The type of what holds the versions of one name."""
        return f"{PROVIDER}/workspaces/{self.segment}"

    @property
    def version_type(self) -> str:
        """The type of a version."""
        return f"{self.container_type}/versions"


DATA: Final = AssetKind("data", "data", ("dataUri", "dataType"))
CODES: Final = AssetKind("codes", "code", ("codeUri",))
ENVIRONMENTS: Final = AssetKind("environments", "environment", ("image", "condaFile", "build"))
COMPONENTS: Final = AssetKind("components", "component", ("componentSpec",))
MODELS: Final = AssetKind("models", "model", ("modelUri", "modelType"))


def resource_types(kind: AssetKind, actions: Mapping[str, Handler] | None = None) -> tuple[ResourceType, ResourceType]:
    """The types of a kind's containers and versions; `actions` are those of a version."""

    async def get_container(request: ArmRequest) -> ArmResponse:
        if request.existing is None:
            raise errors.asset_not_found(kind.noun, request.id.name)
        return ArmResponse(_body(kind.container_type, request.existing, _container(request.platform, request.existing)))

    async def list_containers(request: ArmRequest) -> ArmResponse:
        found = request.platform.resources.children(request.id.text, kind.container_type)
        bodies = [_body(kind.container_type, each, _container(request.platform, each)) for each in found]
        return ArmResponse({"value": _viewed(bodies, request.query)})

    async def put_version(request: ArmRequest) -> Json:
        return _put_version(kind, request)

    async def get_version(request: ArmRequest) -> ArmResponse:
        if request.existing is None:
            raise errors.asset_not_found(kind.noun, request.id.names[-2], request.id.name)
        return ArmResponse(_body(kind.version_type, request.existing, _version(request.platform, request.existing)))

    async def list_versions(request: ArmRequest) -> ArmResponse:
        return ArmResponse({"value": _list_versions(kind, request)})

    return (
        ResourceType(
            name=kind.container_type,
            api_versions=API_VERSIONS,
            get=get_container,
            list=list_containers,
            show=_container,
        ),
        ResourceType(
            name=kind.version_type,
            api_versions=API_VERSIONS,
            put=put_version,
            get=get_version,
            list=list_versions,
            show=_version,
            actions=actions or {},
        ),
    )


def require_version(platform: Platform, kind: AssetKind, id: str) -> Resource:
    """The version of an id, which may come as `azureml:/subscriptions/...`.

    Raises:
        AzureError: 404, or 400 for an id of something else.
    """
    parsed = resource_id.parse(id.removeprefix("azureml:"))
    if parsed.type.lower() != kind.version_type.lower():
        raise errors.validation(f"'{id}' is not the id of a {kind.noun} version.")
    resource = platform.resources.get(parsed.text)
    if resource is None:
        raise errors.asset_not_found(kind.noun, parsed.names[-2], parsed.name)
    return resource


def _put_version(kind: AssetKind, request: ArmRequest) -> Json:
    properties = request.body.get("properties") or {}
    if request.existing is not None:
        _check_unchanged(kind, request.existing, request.id.names[-2], request.id.name, properties)
    elif not any(properties.get(name) for name in kind.fixed):
        raise errors.validation(f"A {kind.noun} version needs one of {', '.join(kind.fixed)}.", "properties")
    if request.platform.resources.get(request.id.parent) is None:
        shared = {name: properties[name] for name in ("dataType",) if name in properties}
        request.platform.resources.put(request.id.parent, {"properties": {**shared, "isArchived": False}})
    return request.body


def _check_unchanged(kind: AssetKind, existing: Resource, name: str, version: str, properties: Json) -> None:
    for fixed in kind.fixed:
        if properties.get(fixed) != existing.properties.get(fixed):
            raise errors.asset_immutable(kind.noun, name, version, _words(fixed))


def _words(name: str) -> str:
    """`dataUri` -> `data uri`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)


def _list_versions(kind: AssetKind, request: ArmRequest) -> list[Json]:
    if unknown := set(request.query) & {"feed", "description", "offset", "version"}:
        raise not_implemented(f"a list of {kind.noun} versions by '{min(unknown)}'")
    wanted = request.query.get("hash")
    if wanted:  # a client asks under a new random name whether any name has this content
        workspace = workspace_of(request.platform, request.id.text)
        found = request.platform.resources.of_type(kind.version_type, below=workspace.id)
        found = [each for each in found if (each.properties.get("properties") or {}).get("hash_sha256") == wanted]
    else:
        found = request.platform.resources.children(request.id.text, kind.version_type)
    found.sort(key=lambda each: each.created_at, reverse="asc" not in request.query.get("$orderBy", "").lower().split())
    bodies = [_body(kind.version_type, each, _version(request.platform, each)) for each in found]
    for wanted in filter(None, request.query.get("$tags", request.query.get("tags", "")).split(",")):
        name, equals, value = wanted.partition("=")
        tags = [body["properties"]["tags"] for body in bodies]
        bodies = [b for b, t in zip(bodies, tags, strict=True) if name in t and (not equals or t[name] == value)]
    bodies = _viewed(bodies, request.query)
    return bodies[: int(request.query["$top"])] if request.query.get("$top", "").isdecimal() else bodies


def _viewed(bodies: list[Json], query: Mapping[str, str]) -> list[Json]:
    """What `listViewType` asks for; the active ones by default."""
    view = query.get("listViewType", "ActiveOnly")
    if view == "All":
        return bodies
    return [body for body in bodies if body["properties"]["isArchived"] == (view == "ArchivedOnly")]


def _container(platform: Platform, resource: Resource) -> Json:
    versions = platform.resources.children(resource.id, f"{resource.type}/versions")
    numbers = [int(version.name) for version in versions if version.name.isdecimal()]
    latest = max(versions, key=lambda version: version.created_at, default=None)
    properties = _defaults(resource.properties) | {
        "nextVersion": str(max(numbers, default=0) + 1),
        "latestVersion": latest.name if latest else None,
    }
    return {"properties": properties, "systemData": system_data(resource)}


def _version(_: Platform, resource: Resource) -> Json:
    properties = {"isAnonymous": False, "provisioningState": "Succeeded"} | _defaults(resource.properties)
    if resource.type.lower() == MODELS.version_type.lower() and not properties.get("flavors"):
        properties["flavors"] = {}  # azure-ai-ml reads it unasked
    return {"properties": properties, "systemData": system_data(resource)}


def _defaults(properties: Mapping[str, Any]) -> Json:
    return {**properties} | {
        "tags": properties.get("tags") or {},
        "properties": properties.get("properties") or {},
        "isArchived": bool(properties.get("isArchived")),
    }


def _body(type: str, resource: Resource, shown: Json) -> Json:
    return {"id": resource.id, "name": resource.name, "type": type, **shown}
