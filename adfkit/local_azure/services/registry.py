"""The services of local Azure, in the order in which they start."""

from __future__ import annotations

from typing import Final

from adfkit.local_azure.service import Service
from adfkit.local_azure.services.authorization import AuthorizationService
from adfkit.local_azure.services.batch import BatchService
from adfkit.local_azure.services.data_factory import DataFactoryService
from adfkit.local_azure.services.databricks import DatabricksService
from adfkit.local_azure.services.key_vault import KeyVaultService
from adfkit.local_azure.services.login import LoginService
from adfkit.local_azure.services.machine_learning import MachineLearningService
from adfkit.local_azure.services.managed_identity import ManagedIdentityService
from adfkit.local_azure.services.monitor import MonitorService
from adfkit.local_azure.services.resources import ResourcesService
from adfkit.local_azure.services.storage import StorageService
from adfkit.local_azure.services.web import WebService

SERVICES: Final[tuple[type[Service], ...]] = (
    LoginService,
    ResourcesService,
    AuthorizationService,
    ManagedIdentityService,
    MonitorService,
    StorageService,
    KeyVaultService,
    BatchService,
    DatabricksService,
    WebService,
    MachineLearningService,
    DataFactoryService,
)
