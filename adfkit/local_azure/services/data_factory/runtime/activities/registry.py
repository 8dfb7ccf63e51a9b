"""Every activity that runs here, by its type."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from adfkit.local_azure.services.data_factory.runtime.activities.azure_function import AzureFunction
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.activities.conditions import IfCondition, Switch
from adfkit.local_azure.services.data_factory.runtime.activities.copy import Copy
from adfkit.local_azure.services.data_factory.runtime.activities.custom import Custom
from adfkit.local_azure.services.data_factory.runtime.activities.databricks import (
    DatabricksNotebook,
    DatabricksSparkJar,
    DatabricksSparkPython,
)
from adfkit.local_azure.services.data_factory.runtime.activities.delete import Delete
from adfkit.local_azure.services.data_factory.runtime.activities.execute_data_flow import ExecuteDataFlow
from adfkit.local_azure.services.data_factory.runtime.activities.execute_pipeline import ExecutePipeline
from adfkit.local_azure.services.data_factory.runtime.activities.fail import Fail
from adfkit.local_azure.services.data_factory.runtime.activities.filter import Filter
from adfkit.local_azure.services.data_factory.runtime.activities.get_metadata import GetMetadata
from adfkit.local_azure.services.data_factory.runtime.activities.lookup import Lookup
from adfkit.local_azure.services.data_factory.runtime.activities.loops import ForEach, Until
from adfkit.local_azure.services.data_factory.runtime.activities.validation import Validation
from adfkit.local_azure.services.data_factory.runtime.activities.variables import AppendVariable, SetVariable
from adfkit.local_azure.services.data_factory.runtime.activities.wait import Wait
from adfkit.local_azure.services.data_factory.runtime.activities.web import Web
from adfkit.local_azure.services.data_factory.runtime.activities.webhook import WebHook

_ALL: Final[tuple[Activity, ...]] = (
    AppendVariable(),
    AzureFunction(),
    Copy(),
    Custom(),
    DatabricksNotebook(),
    DatabricksSparkJar(),
    DatabricksSparkPython(),
    Delete(),
    ExecuteDataFlow(),
    ExecutePipeline(),
    Fail(),
    Filter(),
    ForEach(),
    GetMetadata(),
    IfCondition(),
    Lookup(),
    SetVariable(),
    Switch(),
    Until(),
    Validation(),
    Wait(),
    Web(),
    WebHook(),
)
ACTIVITIES: Final[Mapping[str, Activity]] = MappingProxyType({activity.type: activity for activity in _ALL})
