"""The Clusters, Libraries and Instance Pools APIs. https://docs.databricks.com/api/azure/workspace/clusters

An all-purpose cluster is a specification: each task that runs on it starts Spark in a process of its own, so that it
costs nothing while nothing runs. It is RUNNING from when it is made until it is terminated.
"""

from __future__ import annotations

import secrets
from typing import Any

from starlette.responses import Response

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.services.databricks import clusters, errors, libraries
from adfkit.local_azure.services.databricks.data_plane import ApiCall, Json, Route, answer
from adfkit.local_azure.services.databricks.records import Records, milliseconds

CLUSTER, POOL = "cluster", "pool"
LIMIT = 20
_POOL_PROPERTIES = frozenset(
    {"instance_pool_name", "node_type_id", "min_idle_instances", "max_capacity", "custom_tags", "azure_attributes"}
    | {"idle_instance_autotermination_minutes", "enable_elastic_disk", "disk_spec", "preloaded_spark_versions"}
    | {"instance_pool_id"}
)


class ClustersApi:
    """All-purpose clusters."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.routes = (
            Route("POST", "clusters/create", self.create),
            Route("POST", "clusters/edit", self.edit),
            Route("GET", "clusters/get", self.get),
            Route("GET", "clusters/list", self.list),
            Route("POST", "clusters/start", self.start),
            Route("POST", "clusters/restart", self.start),
            Route("POST", "clusters/delete", self.terminate),
            Route("POST", "clusters/permanent-delete", self.delete),
            Route("GET", "clusters/spark-versions", self.spark_versions),
            Route("GET", "clusters/list-node-types", self.node_types),
        )

    async def create(self, call: ApiCall) -> Response:
        """Make a cluster."""
        document = clusters.check(call, self._records, call.parameters)
        libraries.check(document.get("libraries") or [])
        document |= {
            "cluster_id": clusters.new_cluster_id(),
            "cluster_source": "API",
            "creator_user_name": call.principal.client_id,
            "start_time": milliseconds(),
            "default_tags": {"Vendor": "Databricks"},
        }
        self._keep(call, document, "RUNNING")
        return answer({"cluster_id": document["cluster_id"]})

    async def edit(self, call: ApiCall) -> Response:
        """Give a cluster another specification."""
        before = self._require(call)
        given = {name: value for name, value in call.parameters.items() if name != "cluster_id"}
        document = clusters.check(call, self._records, given)
        kept = ("cluster_id", "cluster_source", "creator_user_name", "start_time", "default_tags", "libraries")
        document |= {name: before[name] for name in kept if name in before}
        self._keep(call, document, before["state"])
        return answer()

    async def get(self, call: ApiCall) -> Response:
        """A cluster."""
        return answer(_shown(self._require(call)))

    async def list(self, call: ApiCall) -> Response:
        """Every cluster."""
        found = [_shown(each) for each in self._records.all(call.key, CLUSTER)]
        return answer(call.page("clusters", found, LIMIT))

    async def start(self, call: ApiCall) -> Response:
        """Start a cluster."""
        document = self._require(call)
        self._keep(call, {**document, "start_time": milliseconds()}, "RUNNING")
        return answer()

    async def terminate(self, call: ApiCall) -> Response:
        """Terminate a cluster; a task that is to run on it starts it again."""
        document = self._require(call)
        reason = {"code": "USER_REQUEST", "type": "SUCCESS", "parameters": {"username": call.principal.client_id}}
        self._keep(call, {**document, "termination_reason": reason}, "TERMINATED")
        return answer()

    async def delete(self, call: ApiCall) -> Response:
        """Remove a cluster."""
        self._records.delete(call.key, CLUSTER, self._require(call)["cluster_id"])
        return answer()

    async def spark_versions(self, _: ApiCall) -> Response:
        """The runtimes."""
        return answer({"versions": [{"key": key, "name": name} for key, name in clusters.SPARK_VERSIONS.items()]})

    async def node_types(self, _: ApiCall) -> Response:
        """The machines."""
        return answer({"node_types": [_node_type(name, *size) for name, size in clusters.NODE_TYPES.items()]})

    def _require(self, call: ApiCall) -> Json:
        return require_cluster(call, self._records)

    def _keep(self, call: ApiCall, document: Json, state: str) -> None:
        self._records.put(call.key, CLUSTER, document["cluster_id"], {**document, "state": state, "state_message": ""})


class LibrariesApi:
    """Libraries of all-purpose clusters; they are installed when a task begins."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.routes = (
            Route("POST", "libraries/install", self.install),
            Route("POST", "libraries/uninstall", self.uninstall),
            Route("GET", "libraries/cluster-status", self.status),
            Route("GET", "libraries/all-cluster-statuses", self.all_statuses),
        )

    async def install(self, call: ApiCall) -> Response:
        """Add libraries to a cluster."""
        document, wanted = require_cluster(call, self._records), call.get("libraries", [])
        libraries.check(wanted)
        have = document.get("libraries") or []
        document["libraries"] = [*have, *(each for each in wanted if each not in have)]
        self._records.put(call.key, CLUSTER, document["cluster_id"], document)
        return answer()

    async def uninstall(self, call: ApiCall) -> Response:
        """Take libraries from a cluster."""
        document, unwanted = require_cluster(call, self._records), call.get("libraries", [])
        document["libraries"] = [each for each in document.get("libraries") or [] if each not in unwanted]
        self._records.put(call.key, CLUSTER, document["cluster_id"], document)
        return answer()

    async def status(self, call: ApiCall) -> Response:
        """The libraries of a cluster."""
        return answer(_statuses(require_cluster(call, self._records)))

    async def all_statuses(self, call: ApiCall) -> Response:
        """The libraries of every cluster."""
        return answer({"statuses": [_statuses(each) for each in self._records.all(call.key, CLUSTER)]})


class PoolsApi:
    """Instance pools: machines of one kind, ready for clusters."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.routes = (
            Route("POST", "instance-pools/create", self.create),
            Route("POST", "instance-pools/edit", self.edit),
            Route("GET", "instance-pools/get", self.get),
            Route("GET", "instance-pools/list", self.list),
            Route("POST", "instance-pools/delete", self.delete),
        )

    async def create(self, call: ApiCall) -> Response:
        """Make a pool."""
        document = _pool(call, f"{clusters.new_cluster_id()}-pool-{secrets.token_hex(4)}")
        self._records.put(call.key, POOL, document["instance_pool_id"], document)
        return answer({"instance_pool_id": document["instance_pool_id"]})

    async def edit(self, call: ApiCall) -> Response:
        """Change a pool; its machines stay of their kind."""
        before = self._require(call)
        if call.get("node_type_id", before["node_type_id"]) != before["node_type_id"]:
            raise errors.invalid_parameter("The node type of an instance pool can't be changed.")
        document = _pool(call, before["instance_pool_id"])
        self._records.put(call.key, POOL, document["instance_pool_id"], document)
        return answer()

    async def get(self, call: ApiCall) -> Response:
        """A pool."""
        return answer(self._require(call))

    async def list(self, call: ApiCall) -> Response:
        """Every pool."""
        return answer({"instance_pools": self._records.all(call.key, POOL)})

    async def delete(self, call: ApiCall) -> Response:
        """Remove a pool."""
        self._records.delete(call.key, POOL, self._require(call)["instance_pool_id"])
        return answer()

    def _require(self, call: ApiCall) -> Json:
        id = str(call.required("instance_pool_id"))
        found = self._records.get(call.key, POOL, id)
        if found is None:
            raise errors.invalid_parameter(f"Can't find an instance pool with id: {id}.")
        return found


def require_cluster(call: ApiCall, records: Records) -> Json:
    """The cluster that a call names.

    Raises:
        AzureError: 400, as the Clusters API answers for one that there is not.
    """
    id = str(call.required("cluster_id"))
    found = records.get(call.key, CLUSTER, id)
    if found is None:
        raise errors.invalid_parameter(f"Cluster {id} does not exist")
    return found


def _pool(call: ApiCall, id: str) -> Json:
    if unknown := set(call.parameters) - _POOL_PROPERTIES:
        raise not_implemented(f"'{', '.join(sorted(unknown))}' of a Databricks instance pool")
    call.required("instance_pool_name")
    clusters.check_node_type(call.get("node_type_id"), required=True)
    stats = {"used_count": 0, "idle_count": 0, "pending_used_count": 0, "pending_idle_count": 0}
    return {**call.parameters, "instance_pool_id": id, "state": "ACTIVE", "stats": stats, "status": {}}


def _shown(document: Json) -> Json:
    return {name: value for name, value in document.items() if name != "libraries"}


def _statuses(document: Json) -> Json:
    found = document.get("libraries") or []
    state = "INSTALLED" if document["state"] == "RUNNING" else "PENDING"
    statuses = [{"library": each, "status": state, "is_library_for_all_clusters": False} for each in found]
    return {"cluster_id": document["cluster_id"], "library_statuses": statuses}


def _node_type(name: str, cores: int, gigabytes: int) -> dict[str, Any]:
    return {
        "node_type_id": name,
        "num_cores": float(cores),
        "memory_mb": gigabytes * 1024,
        "description": name,
        "instance_type_id": name,
        "category": "General Purpose",
        "is_deprecated": False,
        "support_cluster_tags": True,
        "node_instance_type": {"instance_type_id": name},
    }
