"""A storage account and a plan for the function apps of these tests, and a way to make, publish and call such apps."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from azure.core.exceptions import ResourceExistsError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient

from adfkit.local_azure import cloud
from adfkit.local_azure.identity.roles import ROLES
from infra import function_package

WEB = "2025-05-01"
SCOPE = f"{cloud.RESOURCE_MANAGER}.default"
BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
CONTAINER = "packages"
FUNCTIONS_ONLY = "azure-functions==1.26.0\n"
BUNDLE = {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"}
HOST_JSON = json.dumps({"version": "2.0", "extensionBundle": BUNDLE})


@dataclass
class App:
    """One function app under test."""

    cloud: WebCloud
    name: str
    id: str
    principal_id: str
    assignment: str = ""
    host: str = field(init=False)
    scm_host: str = field(init=False)

    def __post_init__(self) -> None:
        self.host = cloud.host(self.name, "azurewebsites")
        self.scm_host = cloud.host(self.name, "scm", "azurewebsites")

    def publish(self, code: str, *, requirements: str = FUNCTIONS_ONLY, host: str = HOST_JSON, **files: str) -> str:
        """Publish an app as the Pulumi resource does; returns the deployment's id."""
        named = {name.replace("__", "."): text for name, text in files.items()}
        package = {"function_app.py": code, "requirements.txt": requirements, "host.json": host, **named}
        content = function_package.zipped({path: text.encode() for path, text in package.items()})
        return function_package.publish(self.scm_host, content, self.cloud.arm_token)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request to the app."""
        with httpx.Client(timeout=60) as client:
            return client.request(method, f"https://{self.host}{path}", **options)

    def log(self) -> list[str]:
        """The app's log, oldest first."""
        return [row[0] for row in self.cloud.query("SELECT message FROM web_logs WHERE site = ? ORDER BY rowid", self)]

    def invocations(self) -> list[tuple[str, int, str | None]]:
        """Function, status and error of each ended invocation, oldest first."""
        sql = "SELECT function, status, error FROM web_invocations WHERE site = ? AND ended_at > '' ORDER BY rowid"
        return [tuple(row) for row in self.cloud.query(sql, self)]

    def set_config(self, name: str, properties: dict[str, Any]) -> httpx.Response:
        """PUT a configuration of the app."""
        return self.cloud.arm("PUT", f"{self.id}/config/{name}", json={"properties": properties})

    def remove(self) -> None:
        """Delete the app."""
        self.cloud.arm("DELETE", self.id).raise_for_status()

    def grant(self) -> None:
        """Let the app reach its package."""
        self.assignment = self.grant_role(BLOB_OWNER)

    def grant_role(self, role: str) -> str:
        """Give the app's identity a role on the storage account; returns the assignment's name."""
        assignment = str(uuid4())
        parameters = {
            "role_definition_id": f"/subscriptions/{cloud.SUBSCRIPTION_ID}/providers/Microsoft.Authorization/"
            f"roleDefinitions/{role}",
            "principal_id": self.principal_id,
            "principal_type": "ServicePrincipal",
        }
        self.cloud.roles.role_assignments.create(self.cloud.account_id, assignment, parameters)
        return assignment

    def revoke(self, assignment: str = "") -> None:
        """Take a role away again; by default the one that reaches the package."""
        self.cloud.roles.role_assignments.delete(self.cloud.account_id, assignment or self.assignment)


@dataclass
class WebCloud:
    """The clients and the resources that all apps share."""

    local_azure: Any
    resources: ResourceManagementClient
    roles: AuthorizationManagementClient
    storage: StorageManagementClient
    group: str
    account: str
    account_id: str
    plan_id: str

    assigned: dict[tuple[str, str | None], str] = field(default_factory=dict)

    def assign(self, role_name: str, principal_id: str | None = None) -> None:
        """Assign a role on the account, to the deployer unless told."""
        (role,) = [each for each in ROLES.values() if each.role_name == role_name]
        claims = jwt.decode(self.arm_token(), options={"verify_signature": False})
        parameters = {
            "role_definition_id": f"/subscriptions/{cloud.SUBSCRIPTION_ID}{role.id}",
            "principal_id": principal_id or claims["oid"],
            "principal_type": "ServicePrincipal",
        }
        name = str(uuid4())
        try:
            self.roles.role_assignments.create(self.account_id, name, parameters)
        except ResourceExistsError:
            return
        self.assigned[role_name, principal_id] = name

    def unassign(self, role_name: str, principal_id: str | None = None) -> None:
        """Take a role away that `assign` gave."""
        self.roles.role_assignments.delete(self.account_id, self.assigned.pop((role_name, principal_id)))

    def arm_token(self) -> str:
        return str(self.local_azure.credential.get_token(SCOPE).token)

    def arm(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request to Resource Manager."""
        with httpx.Client(timeout=60) as client:
            return client.request(
                method,
                f"{cloud.RESOURCE_MANAGER.rstrip('/')}{path}",
                params={"api-version": WEB},
                headers={"Authorization": f"Bearer {self.arm_token()}"},
                **options,
            )

    def query(self, sql: str, app: App) -> list[Any]:
        with sqlite3.connect(self.local_azure.folder / "local-azure.db") as connection:
            return connection.execute(sql, (app.id.lower(),)).fetchall()

    def site(self, *, container: str = CONTAINER, **settings: str) -> dict[str, Any]:
        """The body of a site as the Pulumi program sends it."""
        storage = {
            "type": "blobContainer",
            "value": f"https://{self.account}.blob.{cloud.SUFFIX}/{container}",
            "authentication": {"type": "SystemAssignedIdentity"},
        }
        return {
            "location": "westeurope",
            "kind": "functionapp,linux",
            "identity": {"type": "SystemAssigned"},
            "properties": {
                "serverFarmId": self.plan_id,
                "reserved": True,
                "httpsOnly": True,
                "functionAppConfig": {
                    "deployment": {"storage": storage},
                    "runtime": {"name": "python", "version": "3.11"},
                    "scaleAndConcurrency": {"instanceMemoryMB": 2048, "maximumInstanceCount": 40},
                },
                "siteConfig": {
                    "minTlsVersion": "1.2",
                    "appSettings": [{"name": name, "value": value} for name, value in settings.items()],
                },
            },
        }

    def site_id(self, name: str) -> str:
        return (
            f"/subscriptions/{cloud.SUBSCRIPTION_ID}/resourceGroups/{self.group}/providers/Microsoft.Web/sites/{name}"
        )

    def app(self, *, granted: bool = True, **settings: str) -> App:
        """A new app, through the official client, with a container of its own for its package."""
        name = f"fa-{uuid4().hex[:10]}"
        self.storage.blob_containers.create(self.group, self.account, name, {})
        made = self.resources.resources.begin_create_or_update_by_id(
            self.site_id(name), self.site(container=name, **settings), api_version=WEB
        )
        app = App(self, name, self.site_id(name), made.result().identity.principal_id)
        if granted:
            app.grant()
        return app


def _client(kind: Callable[..., Any], local_azure: Any) -> Any:
    subscription = local_azure.environment["AZURE_SUBSCRIPTION_ID"]
    return kind(local_azure.credential, subscription, base_url=cloud.RESOURCE_MANAGER, credential_scopes=[SCOPE])


def make_web_cloud(local_azure: Any) -> WebCloud:
    """Make what the apps share; the environment must point at local Azure."""
    resources = _client(ResourceManagementClient, local_azure)
    storage = _client(StorageManagementClient, local_azure)
    group, account = f"rg-web-{uuid4().hex[:8]}", f"web{uuid4().hex[:12]}"
    resources.resource_groups.create_or_update(group, {"location": "westeurope"})
    body = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "location": "westeurope"}
    made = storage.storage_accounts.begin_create(group, account, body).result()
    storage.blob_containers.create(group, account, CONTAINER, {})
    plan = f"/subscriptions/{cloud.SUBSCRIPTION_ID}/resourceGroups/{group}/providers/Microsoft.Web/serverfarms/plan"
    sku = {"name": "FC1", "tier": "FlexConsumption"}
    body = {"location": "westeurope", "kind": "functionapp", "sku": sku, "properties": {"reserved": True}}
    resources.resources.begin_create_or_update_by_id(plan, body, api_version=WEB).result()
    roles = _client(AuthorizationManagementClient, local_azure)
    return WebCloud(local_azure, resources, roles, storage, group, account, made.id, plan)


@pytest.fixture(scope="session")
def made_web_cloud(local_azure_session: Any) -> WebCloud:
    """Made once a test run."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in local_azure_session.environment.items():
            patch.setenv(name, value)
        return make_web_cloud(local_azure_session)


@pytest.fixture(scope="session")
def another_web_cloud() -> Callable[[Any], WebCloud]:
    """Makes the same in another local Azure."""
    return make_web_cloud


@pytest.fixture
def web(made_web_cloud: WebCloud, local_azure: Any) -> WebCloud:
    """The web cloud, with this process' environment pointing at it."""
    return made_web_cloud
