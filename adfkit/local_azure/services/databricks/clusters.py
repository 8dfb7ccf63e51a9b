"""Clusters as they are asked for: the runtimes and machines that there are, and what a specification may say."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any, Final

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.services.databricks import errors
from adfkit.local_azure.services.databricks.data_plane import ApiCall
from adfkit.local_azure.services.databricks.records import Records

Json = dict[str, Any]
SPARK_VERSIONS: Final = {
    "17.3.x-scala2.13": "17.3 LTS (includes Apache Spark 4.0.0, Scala 2.13)",
    "17.2.x-scala2.13": "17.2 (includes Apache Spark 4.0.0, Scala 2.13)",
    "17.1.x-scala2.13": "17.1 (includes Apache Spark 4.0.0, Scala 2.13)",
    "17.0.x-scala2.13": "17.0 (includes Apache Spark 4.0.0, Scala 2.13)",
}
"""The runtimes that have the Spark which runs here."""
NODE_TYPES: Final[dict[str, tuple[int, int]]] = {
    "Standard_D4ds_v5": (4, 16),
    "Standard_D8ds_v5": (8, 32),
    "Standard_D16ds_v5": (16, 64),
    "Standard_DS3_v2": (4, 14),
    "Standard_DS4_v2": (8, 28),
    "Standard_DS5_v2": (16, 56),
    "Standard_E4ds_v5": (4, 32),
    "Standard_E8ds_v5": (8, 64),
    "Standard_F4": (4, 8),
    "Standard_F8": (8, 16),
}
"""Cores and gigabytes of a machine; here they are this machine's."""
_KNOWN: Final = frozenset(
    {"spark_version", "node_type_id", "driver_node_type_id", "num_workers", "autoscale", "spark_conf", "spark_env_vars"}
    | {"instance_pool_id", "driver_instance_pool_id", "custom_tags", "cluster_log_conf", "data_security_mode"}
    | {"single_user_name", "azure_attributes", "cluster_name", "autotermination_minutes", "enable_elastic_disk"}
    | {"runtime_engine", "kind", "is_single_node", "use_ml_runtime", "apply_policy_default_values", "ssh_public_keys"}
    | {"enable_local_disk_encryption", "idempotency_token", "init_scripts", "cluster_source", "libraries"}
)


def check(call: ApiCall, records: Records, given: Json) -> Json:
    """A specification with what its pool gives it.

    Raises:
        AzureError: 400 for what is wrong, 501 for what local Azure does not have.
    """
    if unknown := set(given) - _KNOWN:
        raise not_implemented(f"'{', '.join(sorted(unknown))}' of a Databricks cluster")
    if given.get("init_scripts"):
        raise not_implemented("init scripts of a Databricks cluster")
    if str(given.get("runtime_engine") or "STANDARD") not in (
        "STANDARD",
        "RUNTIME_ENGINE_UNSPECIFIED",
        "PHOTON",
        "NULL",
    ):
        raise errors.invalid_parameter(f"'runtime_engine' can't be '{given['runtime_engine']}'.")
    wanted = dict(given)
    if id := given.get("instance_pool_id"):
        pool = records.get(call.key, "pool", str(id))
        if pool is None:
            raise errors.invalid_parameter(f"Can't find an instance pool with id: {id}.")
        if given.get("node_type_id"):
            raise errors.invalid_parameter(
                "The field 'node_type_id' cannot be supplied when an instance pool ID is provided."
            )
        wanted["node_type_id"] = pool["node_type_id"]
    version = str(given.get("spark_version") or "")
    if version not in SPARK_VERSIONS:
        raise errors.invalid_parameter(
            f"Invalid spark version '{version}'. Local Azure runs Spark 4.0: {', '.join(SPARK_VERSIONS)}."
        )
    for name in ("node_type_id", "driver_node_type_id"):
        check_node_type(wanted.get(name), required=name == "node_type_id")
    return wanted


def check_node_type(name: Any, *, required: bool) -> None:
    """Refuse a machine that there is not.

    Raises:
        AzureError: 400.
    """
    if (required or name is not None) and name not in NODE_TYPES:
        raise errors.invalid_parameter(
            f"Node type {name} is not supported. Supported node types: {', '.join(NODE_TYPES)}"
        )


def new_cluster_id() -> str:
    """An id as Databricks gives it: `1123-120455-4f7a9c2e`."""
    return f"{datetime.now(UTC):%m%d-%H%M%S}-{secrets.token_hex(4)}"
