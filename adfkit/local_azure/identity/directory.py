"""The tenant's directory: principals in SQLite, their tokens, their roles, and managed identity endpoints."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal
from uuid import NAMESPACE_URL, uuid4, uuid5

from adfkit.local_azure.cloud import SUBSCRIPTION_ID, host
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.files import write_private
from adfkit.local_azure.identity import authorization
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.identity.roles import OWNER
from adfkit.local_azure.identity.tokens import AccessToken, TokenSigner
from adfkit.local_azure.resources import Resources
from adfkit.local_azure.store import Store

Flavour = Literal["app_service", "machine_learning", "batch", "hadoop"]
MANAGED_IDENTITY_ENDPOINT: Final = f"https://{host('identity')}/msi/token"

SCHEMA: Final = (
    """CREATE TABLE principals (
        object_id TEXT PRIMARY KEY, client_id TEXT NOT NULL UNIQUE, display_name TEXT NOT NULL, kind TEXT NOT NULL,
        resource_id TEXT, resource_key TEXT UNIQUE, secret_sha256 TEXT
    ) WITHOUT ROWID""",
)


@dataclass(frozen=True, slots=True)
class Deployer:
    """The credentials of the service principal that deploys, as `<folder>/deployer.json` keeps them."""

    object_id: str
    client_id: str
    client_secret: str

    @staticmethod
    def load(folder: Path) -> Deployer | None:
        """The credentials of a folder, or None before its first start."""
        path = folder / "deployer.json"
        return Deployer(**json.loads(path.read_bytes())) if path.exists() else None


class Identity:
    """Principals, tokens and role checks. What is granted or taken away counts from the next request on."""

    def __init__(self, folder: Path, store: Store, resources: Resources) -> None:
        self._folder = folder
        self._store = store
        self._resources = resources
        self.signer = TokenSigner(folder)
        self._endpoint_secrets: dict[str, str] = {}
        store.migrate("identity", SCHEMA)

    def deployer(self) -> Deployer:
        """The deployer's credentials; at first a new service principal, with the role Owner on the subscription."""
        deployer = Deployer.load(self._folder)
        if deployer and self.principal(deployer.object_id):
            return deployer
        deployer = Deployer(str(uuid4()), str(uuid4()), secrets.token_urlsafe(32))
        principal = Principal(deployer.object_id, deployer.client_id, "adfkit deployer", "ServicePrincipal")
        write_private(self._folder / "deployer.json", json.dumps(asdict(deployer), indent=2).encode())
        with self._store.transaction():
            self._insert(principal, secret=deployer.client_secret)
            scope = f"/subscriptions/{SUBSCRIPTION_ID}"
            name = str(uuid5(NAMESPACE_URL, f"{scope}/{deployer.object_id}"))
            properties = {
                "scope": scope,
                "principalId": deployer.object_id,
                "principalType": "ServicePrincipal",
                "roleDefinitionId": f"{scope}{OWNER.id}",
            }
            self._resources.put(f"{scope}{authorization.ASSIGNMENTS}/{name}", {"properties": properties})
        return deployer

    def managed_identity(self, resource_id: str, *, display_name: str) -> Principal:
        """The identity of a resource: its own (system-assigned), or the one that it is (user-assigned)."""
        key = resource_id.strip("/").lower()
        with self._store.transaction() as connection:
            row = connection.execute("SELECT * FROM principals WHERE resource_key = ?", (key,)).fetchone()
            if row:
                return _principal(row)
            principal = Principal(str(uuid4()), str(uuid4()), display_name, "ManagedIdentity", resource_id)
            self._insert(principal)
        return principal

    def principal(self, object_id: str) -> Principal | None:
        """The principal of an object id, or None."""
        row = self._store.row("SELECT * FROM principals WHERE object_id = ?", (object_id.lower(),))
        return _principal(row) if row else None

    def remove(self, resource_id: str) -> None:
        """Delete a resource's identity; its tokens are refused from now on."""
        self._store.execute("DELETE FROM principals WHERE resource_key = ?", (resource_id.strip("/").lower(),))

    def sign_in(self, client_id: str, client_secret: str) -> Principal | None:
        """The service principal of a client id and secret; None where the secret is wrong.

        Raises:
            KeyError: no application has this client id.
        """
        row = self._store.row(
            "SELECT * FROM principals WHERE client_id = ? AND kind = 'ServicePrincipal'", (client_id.lower(),)
        )
        if row is None:
            raise KeyError(client_id)
        matches = hmac.compare_digest(row["secret_sha256"] or "", _sha256(client_secret))
        return _principal(row) if matches else None

    def issue(self, principal: Principal, audience: str) -> AccessToken:
        """A token of a principal for an audience."""
        return self.signer.issue(principal, audience)

    def verify(self, token: str, audiences: frozenset[str]) -> Principal:
        """The principal that a token stands for.

        Raises:
            AzureError: 401 `InvalidAuthenticationToken`, `ExpiredAuthenticationToken` or
                `InvalidAuthenticationTokenAudience`.
        """
        claims = self.signer.claims(token, audiences)
        principal = self.principal(str(claims["oid"]))
        if principal is None:
            raise AzureError(
                401,
                "InvalidAuthenticationToken",
                f"The access token is invalid. The principal '{claims['oid']}' does not exist any more.",
            )
        return principal

    def can(
        self, principal: Principal, scope: str, *, action: str | None = None, data_action: str | None = None
    ) -> bool:
        """Whether a role assignment at or above the scope grants the action (and the data action)."""
        return authorization.granted(self._resources, principal, scope, action=action, data_action=data_action)

    def authorize(
        self, principal: Principal, scope: str, *, action: str | None = None, data_action: str | None = None
    ) -> None:
        """Refuse what `can` denies.

        Raises:
            AzureError: 403 `AuthorizationFailed` in the words of Azure Resource Manager.
        """
        if not self.can(principal, scope, action=action, data_action=data_action):
            raise authorization.failed(principal, scope, data_action or action or "")

    def endpoint_environment(self, principal: Principal, flavour: Flavour) -> dict[str, str]:
        """Variables by which DefaultAzureCredential in a child process gets tokens of this principal.

        Hadoop's storage driver reads no variables: it posts client id and secret to the endpoint instead.

        The secret in them stands for the principal until `revoke_endpoint`, or until the gateway ends.
        """
        secret = secrets.token_urlsafe(32)
        self._endpoint_secrets[_sha256(secret)] = principal.object_id
        if flavour == "machine_learning":
            environment = {"MSI_ENDPOINT": MANAGED_IDENTITY_ENDPOINT, "MSI_SECRET": secret}
            if principal.resource_id and "/userassignedidentities/" in principal.resource_id.lower():
                environment["DEFAULT_IDENTITY_CLIENT_ID"] = principal.client_id
            return environment
        return {"IDENTITY_ENDPOINT": MANAGED_IDENTITY_ENDPOINT, "IDENTITY_HEADER": secret}

    def revoke_endpoint(self, environment: dict[str, str]) -> None:
        """End what `endpoint_environment` gave."""
        secret = environment.get("IDENTITY_HEADER") or environment.get("MSI_SECRET") or ""
        self._endpoint_secrets.pop(_sha256(secret), None)

    def endpoint_principal(self, secret: str) -> Principal | None:
        """The principal that an endpoint's secret stands for, or None."""
        object_id = self._endpoint_secrets.get(_sha256(secret))
        return self.principal(object_id) if object_id else None

    def _insert(self, principal: Principal, secret: str | None = None) -> None:
        resource_key = principal.resource_id.strip("/").lower() if principal.resource_id else None
        self._store.execute(
            "INSERT INTO principals VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                principal.object_id,
                principal.client_id,
                principal.display_name,
                principal.kind,
                principal.resource_id,
                resource_key,
                _sha256(secret) if secret else None,
            ),
        )


def _principal(row: Any) -> Principal:
    return Principal(row["object_id"], row["client_id"], row["display_name"], row["kind"], row["resource_id"])


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
