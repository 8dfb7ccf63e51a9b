"""Whose identity Spark reaches a storage account with."""

from __future__ import annotations

from collections.abc import Mapping

from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.services.databricks.execution import Place


def identities(_: Place) -> Mapping[str, Principal]:
    """Storage account -> identity; an account that is not there is reached as the cluster's configuration says."""
    return {}
