"""From a resource's inputs to the body of an ARM request, and from ARM's answer to its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from adfkit.engine.properties import UNKNOWN, has_unknown
from adfkit.engine.provider import Properties, ProviderError
from adfkit.local_azure.provider import sdk
from adfkit.local_azure.provider.names import CREATE_BEFORE_DELETE
from adfkit.local_azure.provider.types import AzureType

API_VERSION = "azureApiVersion"
BOOKKEEPING = frozenset({API_VERSION, CREATE_BEFORE_DELETE})
"""Inputs that are azure-native's own, and no part of the resource."""


def resource_id(type: AzureType, inputs: Properties, subscription_id: str) -> str:
    """The ARM id that the inputs name.

    Raises:
        ProviderError: an input of the path is missing or unknown.
    """
    values = {"subscriptionId": subscription_id}
    for name in type.parameters:
        value = inputs.get(name)
        if not isinstance(value, str) or not value:
            raise ProviderError(f"{type.token}: the input '{name}' is needed for the resource's id and is not known.")
        values[name] = value.strip("/") if name == "scope" else quote(value, safe="")
    return type.path.format_map(values)


def parameters_of(type: AzureType, id: str) -> Properties:
    """The path's inputs, read out of an ARM id (for an import)."""
    template, segments = type.path.strip("/").split("/"), id.strip("/").split("/")
    if template[0] == "{scope}":
        extra = len(segments) - len(template)
        segments = ["/" + "/".join(segments[: extra + 1]), *segments[extra + 1 :]]
    if len(template) != len(segments):
        raise ProviderError(f"'{id}' is not the id of a resource of type {type.token}, which looks like '{type.path}'.")
    pairs = zip(template, segments, strict=True)
    return {name[1:-1]: value for name, value in pairs if name[0] == "{" and name != "{subscriptionId}"}


def request_body(type: AzureType, inputs: Properties) -> Properties:
    """The body of a PUT."""
    body: Properties = {}
    properties: Properties = {}
    own = {name for name in type.parameters if name != "scope"} | {"scope"} | BOOKKEEPING
    for name, value in inputs.items():
        if name in own or value is None:
            continue
        if name == "identity":
            body["identity"] = _identity_body(value)
        elif name in type.envelope or (name == "properties" and not type.flat):
            body[name] = _renamed(type, (name,), value)
        else:
            properties[type.renames.get(name, name)] = _renamed(type, (name,), value)
    if type.flat:
        body["properties"] = properties
    return body


def _identity_body(identity: Any) -> Any:
    assigned = identity.get("userAssignedIdentities") if isinstance(identity, dict) else None
    if not isinstance(assigned, list):
        return identity
    return {**identity, "userAssignedIdentities": {id: {} for id in assigned}}


def _renamed(type: AzureType, path: tuple[str, ...], value: Any) -> Any:
    """The value with ARM's names for what lies inside it."""
    if not any(rename.startswith(f"{path[0]}.") for rename in type.renames):
        return value
    if isinstance(value, list):
        return [_renamed(type, path, each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        type.renames.get(".".join((*path, name)), name): _renamed(type, (*path, name), each)
        for name, each in value.items()
    }


def outputs(type: AzureType, body: Properties) -> Properties:
    """The outputs that ARM's answer holds: `properties` lifted to the top where the type is flat."""
    found = {name: value for name, value in body.items() if name != "properties"}
    inner = body.get("properties")
    if not type.flat:
        if inner is not None:
            found["properties"] = inner
    else:
        back = _names_back(type, ())
        for name, value in (inner or {}).items():
            own = back.get(name, name)
            found[own] = _restored(type, (own,), value)
    found[API_VERSION] = type.api_version
    return found


def _names_back(type: AzureType, path: tuple[str, ...]) -> Mapping[str, str]:
    prefix = ".".join((*path, ""))
    here = {name.removeprefix(prefix): wire for name, wire in type.renames.items() if name.startswith(prefix)}
    return {wire: name for name, wire in here.items() if "." not in name}


def _restored(type: AzureType, path: tuple[str, ...], value: Any) -> Any:
    if not any(rename.startswith(f"{path[0]}.") for rename in type.renames):
        return value
    if isinstance(value, list):
        return [_restored(type, path, each) for each in value]
    if not isinstance(value, dict):
        return value
    back = _names_back(type, path)
    return {(own := back.get(name, name)): _restored(type, (*path, own), each) for name, each in value.items()}


def preview_outputs(type: AzureType, inputs: Properties, known: Properties) -> Properties:
    """What a preview can tell: the inputs, what is `known` of the resource as it is, and UNKNOWN for the rest."""
    shown: Properties = {}
    for name, annotation in sdk.outputs(type).items():
        if name in inputs and name not in type.parameters:
            shown[name] = _completed(annotation, inputs[name], known.get(name))
        else:
            shown[name] = known.get(name, UNKNOWN)
    if "identity" in inputs:
        shown["identity"] = _identity_preview(inputs["identity"], known.get("identity"))
    elif "identity" in shown:
        shown["identity"] = None
    return {**shown, API_VERSION: type.api_version}


def _completed(annotation: Any, value: Any, known: Any) -> Any:
    """An object of the inputs, with what Azure will add to it."""
    declared = sdk.members(annotation)
    if not isinstance(value, dict) or declared is None:
        return value
    known = known if isinstance(known, dict) else {}
    return {**{name: known.get(name, UNKNOWN) for name in declared}, **value}


def _identity_preview(identity: Any, known: Any) -> Any:
    if not isinstance(identity, dict):
        return identity
    known = known if isinstance(known, dict) else {}
    shown: Properties = {"type": identity.get("type")}
    if "SystemAssigned" in str(identity.get("type")) or identity.get("type") is UNKNOWN:
        shown |= {name: known.get(name, UNKNOWN) for name in ("principalId", "tenantId")}
    assigned = identity.get("userAssignedIdentities")
    if isinstance(assigned, list) and not has_unknown(assigned):
        assigned = {id: {"principalId": UNKNOWN, "clientId": UNKNOWN} for id in assigned}
    elif isinstance(assigned, list):
        assigned = UNKNOWN
    if assigned is not None:
        shown["userAssignedIdentities"] = assigned
    return shown


def inputs_from(type: AzureType, id: str, found: Properties) -> Properties:
    """The inputs of an imported resource: what its outputs hold of them."""
    taken = {name: found[name] for name in sdk.inputs(type) if found.get(name) is not None}
    if isinstance(identity := taken.get("identity"), dict):
        taken["identity"] = identity_input(identity)
    return {**taken, **parameters_of(type, id), API_VERSION: type.api_version}


def identity_input(identity: Properties) -> Properties:
    """The `identity` input that makes an `identity` output."""
    kept: Properties = {"type": identity["type"]}
    if identity.get("userAssignedIdentities"):
        kept["userAssignedIdentities"] = list(identity["userAssignedIdentities"])
    return kept


def refreshed(inputs: Any, old: Any, new: Any) -> Any:
    """The inputs with what has changed in Azure: where old and new outputs differ, the new value."""
    if isinstance(inputs, dict) and isinstance(new, dict):
        before = old if isinstance(old, dict) else {}
        return {
            name: refreshed(value, before.get(name), new[name]) if name in new else value
            for name, value in inputs.items()
        }
    return inputs if old == new else new
