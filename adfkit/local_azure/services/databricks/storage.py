"""Whose identity Spark reaches a storage account with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.services.databricks import unity_catalog
from adfkit.local_azure.services.databricks.execution import Place

LEGACY: Final = ("", "NONE", "LEGACY_SINGLE_USER_STANDARD")
"""Access modes of a cluster without Unity Catalog."""


def identities(place: Place) -> Mapping[str, Principal]:
    """Storage account -> identity; another account is reached as the cluster's configuration says.

    A cluster of an access mode without Unity Catalog has none, as in Azure; compute that is not specified has it.
    """
    if place.cluster and str(place.cluster.get("data_security_mode") or "") in LEGACY:
        return {}
    return unity_catalog.identities(place.platform, place.records, place.key, place.principal)
