"""Names of resources: predictable, so that a preview shows what will be, and unique where Azure wants that."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

NAMESPACE = uuid.UUID("7c7a1a2e-6d0b-5c58-9b1c-0f6a3c1f6d11")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one stack in one subscription."""

    project: str
    stack: str
    subscription_id: str

    @property
    def resource_group(self) -> str:
        """The group that holds everything."""
        return self.local("rg")

    @property
    def lake(self) -> str:
        """The storage account of the data lake."""
        return self.account("lake")

    @property
    def lake_id(self) -> str:
        """The resource id of the lake's account."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.Storage/storageAccounts/{self.lake}"
        )

    @property
    def services(self) -> str:
        """The storage account of the services' own files."""
        return self.account("svc")

    @property
    def batch_account(self) -> str:
        """The Batch account."""
        return self.account("batch")

    @property
    def function_app(self) -> str:
        """The Function app."""
        return self.world("func")

    @property
    def factory(self) -> str:
        """The Data Factory."""
        return self.world("adf")

    @property
    def batch_endpoint(self) -> str:
        """The batch endpoint of the machine learning pipelines."""
        return self.world("ingest")

    @property
    def databricks(self) -> str:
        """The Databricks workspace."""
        return self.local("dbw")

    @property
    def suffix(self) -> str:
        """Six hex digits that make a name unique in the world."""
        return hashlib.sha256(f"{self.subscription_id}/{self.project}/{self.stack}".encode()).hexdigest()[:6]

    def local(self, kind: str) -> str:
        """A name that is unique in its resource group or subscription, as in `rg-adfkit-dev`."""
        return f"{kind}-{self.project}-{self.stack}"

    def world(self, kind: str) -> str:
        """A name that is unique in all of Azure, as in `func-adfkit-dev-1a2b3c`."""
        return f"{kind}-{self.project}-{self.stack}-{self.suffix}"

    def account(self, kind: str) -> str:
        """A name of 3 to 24 lower-case letters and digits, unique in all of Azure, as in `adfkitdevlake1a2b3c`."""
        middle = "".join(letter for letter in self.project + self.stack if letter.isalnum()).lower()
        return middle[: 24 - len(kind) - len(self.suffix)] + kind + self.suffix

    def guid(self, name: str) -> str:
        """The GUID that stands for a name in this stack."""
        return str(uuid.uuid5(NAMESPACE, f"{self.subscription_id}/{self.project}/{self.stack}/{name}"))
