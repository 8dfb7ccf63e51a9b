"""Pools and nodes as the Batch service's own API shows them; a pool is the same resource as in Resource Manager."""

from __future__ import annotations

from collections import Counter
from typing import Final

from starlette.responses import JSONResponse, Response

from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import Json
from adfkit.local_azure.services.batch import errors
from adfkit.local_azure.services.batch.data_plane import BatchRequest, Route, listed, selected
from adfkit.local_azure.services.batch.nodes import Node, account_url
from adfkit.local_azure.services.batch.pools import MAXIMUM_NODES, check_interval
from adfkit.local_azure.services.batch.scheduler import POOLS, Scheduler

STATES: Final = {"waitingforstarttask": "waitingForStartTask", "starttaskfailed": "startTaskFailed"}
COUNTED: Final = (
    "creating", "deallocated", "deallocating", "idle", "leavingPool", "offline", "preempted", "rebooting", "reimaging",
    "running", "startTaskFailed", "starting", "unknown", "unusable", "upgradingOS", "waitingForStartTask",
)  # fmt: skip


class Pools:
    """The handlers; `routes` lists them."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        pool = "/pools/{}"
        self.routes = (
            Route("GET", "/pools", "pools/read", self._list),
            Route("GET", pool, "pools/read", self._get),
            Route("HEAD", pool, "pools/read", self._exists),
            Route("POST", f"{pool}/resize", "pools/write", self._resize),
            Route("POST", f"{pool}/enableautoscale", "pools/write", self._enable_autoscale),
            Route("POST", f"{pool}/disableautoscale", "pools/write", self._disable_autoscale),
            Route("POST", f"{pool}/evaluateautoscale", "pools/write", self._evaluate),
            Route("GET", f"{pool}/nodes", "pools/read", self._list_nodes),
            Route("GET", f"{pool}/nodes/{{}}", "pools/read", self._get_node),
            Route("GET", "/nodecounts", "pools/read", self._count_nodes),
        )

    async def _list(self, call: BatchRequest) -> Response:
        return listed(call, [self._shown(call, pool) for pool in _pools(call)])

    async def _get(self, call: BatchRequest) -> Response:
        pool = _pool(call)
        return JSONResponse(selected(call, self._shown(call, pool)), headers={"ETag": pool.etag})

    async def _exists(self, call: BatchRequest) -> Response:
        return Response(headers={"ETag": _pool(call).etag})

    async def _resize(self, call: BatchRequest) -> Response:
        pool = _pool(call)
        if "autoScale" in pool.properties["scaleSettings"]:
            raise errors.wrong_state("AutoscaleEnabled", f"The pool '{pool.name}' is scaled by a formula.")
        targets = {
            name: call.body[name] for name in ("targetDedicatedNodes", "targetLowPriorityNodes") if name in call.body
        }
        if not targets:
            raise errors.missing_value("targetDedicatedNodes")
        for name, value in targets.items():
            if not isinstance(value, int) or not 0 <= value <= MAXIMUM_NODES:
                raise errors.invalid_value(name, f"a whole number from 0 to {MAXIMUM_NODES}")
        _set_scale(call, pool, {"fixedScale": {**pool.properties["scaleSettings"]["fixedScale"], **targets}})
        self._scheduler.wake()
        return Response(status_code=202)

    async def _enable_autoscale(self, call: BatchRequest) -> Response:
        pool = _pool(call)
        before = pool.properties["scaleSettings"].get("autoScale") or {}
        formula = call.body.get("autoScaleFormula") or before.get("formula")
        if not formula:
            raise errors.missing_value("autoScaleFormula")
        interval = call.body.get("autoScaleEvaluationInterval") or before.get("evaluationInterval") or "PT15M"
        check_interval(interval)
        run = self._scheduler.evaluate(pool, formula)
        if "error" in run:
            raise AzureError(400, run["error"]["code"], run["error"]["message"])
        _set_scale(call, pool, {"autoScale": {"formula": formula, "evaluationInterval": interval}})
        self._scheduler.wake()
        return Response(status_code=200)

    async def _disable_autoscale(self, call: BatchRequest) -> Response:
        pool = _pool(call)
        count = len(self._scheduler.nodes(pool.id))
        fixed = {"targetDedicatedNodes": count, "targetLowPriorityNodes": 0, "resizeTimeout": "PT15M"}
        _set_scale(call, pool, {"fixedScale": fixed})
        return Response(status_code=200)

    async def _evaluate(self, call: BatchRequest) -> Response:
        pool = _pool(call)
        if "autoScale" not in pool.properties["scaleSettings"]:
            raise errors.wrong_state("AutoscaleNotEnabled", f"The pool '{pool.name}' is not scaled by a formula.")
        formula = call.body.get("autoScaleFormula")
        if not formula:
            raise errors.missing_value("autoScaleFormula")
        return JSONResponse(self._scheduler.evaluate(pool, formula))

    async def _list_nodes(self, call: BatchRequest) -> Response:
        pool = _pool(call)
        return listed(call, [_node(call, pool, node) for node in self._scheduler.nodes(pool.id)])

    async def _get_node(self, call: BatchRequest) -> Response:
        pool = _pool(call)
        for node in self._scheduler.nodes(pool.id):
            if node.id == call.ids[1]:
                return JSONResponse(selected(call, _node(call, pool, node)))
        raise errors.not_found("Node", call.ids[1])

    async def _count_nodes(self, call: BatchRequest) -> Response:
        none = {**dict.fromkeys(COUNTED, 0), "total": 0}
        counts = []
        for pool in _pools(call):
            states = Counter(STATES.get(node.state, node.state) for node in self._scheduler.nodes(pool.id))
            dedicated = {**none, **states, "total": states.total()}
            counts.append({"poolId": pool.name, "dedicated": dedicated, "lowPriority": none})
        return listed(call, counts)

    def _shown(self, call: BatchRequest, pool: Resource) -> Json:
        properties, scale = pool.properties, pool.properties["scaleSettings"]
        nodes = self._scheduler.nodes(pool.id)
        auto, fixed = scale.get("autoScale"), scale.get("fixedScale") or {}
        shown: Json = {
            "id": pool.name,
            "url": f"{account_url(call.account)}pools/{pool.name}",
            "eTag": pool.etag,
            "lastModified": properties["lastModified"],
            "creationTime": properties["creationTime"],
            "state": "active",
            "stateTransitionTime": properties["creationTime"],
            "allocationState": allocation_state(pool, nodes).lower(),
            "allocationStateTransitionTime": properties["creationTime"],
            "vmSize": str(properties["vmSize"]).lower(),
            "virtualMachineConfiguration": properties["deploymentConfiguration"]["virtualMachineConfiguration"],
            "currentDedicatedNodes": len(nodes),
            "currentLowPriorityNodes": 0,
            "targetDedicatedNodes": fixed.get("targetDedicatedNodes", len(nodes)),
            "targetLowPriorityNodes": fixed.get("targetLowPriorityNodes", 0),
            "enableAutoScale": auto is not None,
            "enableInterNodeCommunication": False,
            "taskSlotsPerNode": properties["taskSlotsPerNode"],
            "taskSchedulingPolicy": properties["taskSchedulingPolicy"],
        }
        if auto is not None:
            shown |= {"autoScaleFormula": auto["formula"], "autoScaleEvaluationInterval": auto["evaluationInterval"]}
        run = self._scheduler.scale_runs.get(pool.id.lower())
        if auto is not None and run is not None:
            shown["autoScaleRun"] = run
        if properties.get("startTask"):
            shown["startTask"] = properties["startTask"]
        return shown


def allocation_state(pool: Resource, nodes: list[Node]) -> str:
    """`Steady`, or `Resizing` while a pool of fixed scale has not the nodes that it shall have."""
    fixed = pool.properties["scaleSettings"].get("fixedScale")
    if fixed is None:
        return "Steady"
    wanted = fixed.get("targetDedicatedNodes", 0) + fixed.get("targetLowPriorityNodes", 0)
    return "Steady" if len(nodes) == wanted else "Resizing"


def with_nodes(scheduler: Scheduler, pool: Resource) -> Json:
    """The body of a pool in Resource Manager, with the nodes that it has."""
    nodes = scheduler.nodes(pool.id)
    state = {
        "allocationState": allocation_state(pool, nodes),
        "allocationStateTransitionTime": pool.properties["creationTime"],
        "currentDedicatedNodes": len(nodes),
        "currentLowPriorityNodes": 0,
    }
    return {**pool.body, "etag": pool.etag, "properties": {**pool.properties, **state}}


def _pools(call: BatchRequest) -> list[Resource]:
    return call.platform.resources.children(call.account.id, POOLS)


def _pool(call: BatchRequest) -> Resource:
    pool = call.platform.resources.get(f"{call.account.id}/pools/{call.ids[0]}")
    if pool is None:
        raise errors.not_found("Pool", call.ids[0])
    return pool


def _set_scale(call: BatchRequest, pool: Resource, scale: Json) -> None:
    call.platform.resources.put(pool.id, {**pool.body, "properties": {**pool.properties, "scaleSettings": scale}})


def _node(call: BatchRequest, pool: Resource, node: Node) -> Json:
    shown: Json = {
        "id": node.id,
        "url": f"{account_url(call.account)}pools/{pool.name}/nodes/{node.id}",
        "state": node.state,
        "schedulingState": "enabled",
        "stateTransitionTime": node.since,
        "allocationTime": node.since,
        "lastBootTime": node.since,
        "ipAddress": "127.0.0.1",
        "affinityId": f"TVM:{node.id}",
        "vmSize": str(pool.properties["vmSize"]).lower(),
        "isDedicated": True,
        "totalTasksRun": node.tasks_run,
        "totalTasksSucceeded": node.tasks_succeeded,
        "runningTasksCount": len(node.running),
        "runningTaskSlotsCount": node.slots - node.free,
        "virtualMachineInfo": {
            "imageReference": pool.properties["deploymentConfiguration"]["virtualMachineConfiguration"][
                "imageReference"
            ]
        },
    }
    if node.start_task is not None:
        shown |= {"startTask": pool.properties.get("startTask"), "startTaskInfo": node.start_task}
    return shown
