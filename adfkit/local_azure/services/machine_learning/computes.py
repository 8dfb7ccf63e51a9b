"""Compute clusters: declared sizes and an identity; their nodes are processes on this machine."""

from __future__ import annotations

import re
from typing import Final

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, Json, ResourceType
from adfkit.local_azure.services.machine_learning import errors
from adfkit.local_azure.services.machine_learning.api import API_VERSIONS, WORKSPACES, system_data

TYPE: Final = f"{WORKSPACES}/computes"
NAME: Final = re.compile(r"[a-zA-Z](?![a-zA-Z0-9-]*-\d+$)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]")


async def put_compute(request: ArmRequest) -> Json:
    """An AmlCompute cluster whose scale settings hold together."""
    properties = dict(request.body.get("properties") or {})
    if properties.get("computeType") != "AmlCompute":
        raise not_implemented(f"compute of type '{properties.get('computeType')}'; AmlCompute is supported")
    cluster = properties.get("properties") or {}
    if not cluster.get("vmSize"):
        raise errors.validation("A compute cluster needs 'vmSize'.", "properties.vmSize")
    scale = cluster.get("scaleSettings") or {}
    least, most = scale.get("minNodeCount", 0), scale.get("maxNodeCount")
    if not isinstance(most, int) or not 0 <= least <= most or most < 1:
        raise errors.validation(
            f"scaleSettings do not hold together: minNodeCount {least}, maxNodeCount {most}; 0 <= min <= max >= 1.",
            "properties.scaleSettings",
        )
    return {**request.body, "properties": properties}


def show_compute(_: Platform, resource: Resource) -> Json:
    """The cluster with its nodes' state."""
    cluster = dict(resource.properties.get("properties") or {})
    nodes = dict.fromkeys(
        ("idleNodeCount", "leavingNodeCount", "preemptedNodeCount", "preparingNodeCount", "runningNodeCount",
         "unusableNodeCount"), 0)  # fmt: skip
    cluster |= {
        "allocationState": "Steady",
        "allocationStateTransitionTime": resource.updated_at,
        "currentNodeCount": 0,
        "targetNodeCount": 0,
        "nodeStateCounts": nodes,
        "errors": None,
    }
    times = {"createdOn": resource.created_at, "modifiedOn": resource.updated_at, "provisioningErrors": None}
    properties = {
        "provisioningState": "Succeeded",
        "isAttachedCompute": False,
        "disableLocalAuth": True,
        **times,
        **resource.properties,
        "properties": cluster,
    }
    return {**resource.body, "properties": properties, "systemData": system_data(resource)}


def compute_principal(platform: Platform, compute: Resource) -> Principal | None:
    """The identity that code on the cluster has: the user-assigned one first, else the cluster's own, else none."""
    identity = compute.body.get("identity") or {}
    user_assigned = list((identity.get("userAssignedIdentities") or {}).values())
    object_id = user_assigned[0]["principalId"] if user_assigned else identity.get("principalId")
    return platform.identity.principal(object_id) if object_id else None


def node_limit(compute: Resource) -> int:
    """How many steps may run at the same time: one a node."""
    return int(compute.properties["properties"]["scaleSettings"]["maxNodeCount"])


RESOURCE_TYPE: Final = ResourceType(
    name=TYPE,
    api_versions=API_VERSIONS,
    name_pattern=NAME,
    put=put_compute,
    show=show_compute,
    long_running=True,
    create_only=("properties.properties.vmSize",),
)
