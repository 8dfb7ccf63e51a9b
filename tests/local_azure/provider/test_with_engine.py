"""A Pulumi program on azure-native, deployed to local Azure by the embedded engine."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from adfkit.engine import Operation, Result, Stack
from adfkit.engine.passphrase import PassphraseCrypter
from adfkit.local_azure.provider import AzureNativeProvider

PASSPHRASE = "open sesame"
PROGRAM = """
    import pulumi
    from pulumi_azure_native import authorization, keyvault, managedidentity, resources, storage

    config = pulumi.Config()
    client = authorization.get_client_config()
    group = resources.ResourceGroup("engine", tags={"revision": config.require("revision")})
    lake = storage.StorageAccount(
        "lake",
        account_name=config.require("account"),
        resource_group_name=group.name,
        kind=storage.Kind.STORAGE_V2,
        sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
        is_hns_enabled=config.require_bool("hns"),
    )
    storage.BlobContainer("landing", account_name=lake.name, resource_group_name=group.name)
    identity = managedidentity.UserAssignedIdentity("reader", resource_group_name=group.name)
    vault = keyvault.Vault(
        "vault",
        resource_group_name=group.name,
        properties=keyvault.VaultPropertiesArgs(
            tenant_id=client.tenant_id,
            enable_rbac_authorization=True,
            sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
        ),
    )
    reader = f"/subscriptions/{client.subscription_id}/providers/Microsoft.Authorization/roleDefinitions/"
    authorization.RoleAssignment(
        "reads-lake",
        scope=lake.id,
        principal_id=identity.principal_id,
        principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
        role_definition_id=reader + "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    )
    pulumi.export("endpoint", lake.primary_endpoints.blob)
    pulumi.export("vault", vault.properties.vault_uri)
"""


class Project:
    """A stack of the program; `settings` writes its configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.account = f"acct{uuid4().hex[:8]}"
        self._salt = PassphraseCrypter(PASSPHRASE).salt_line
        (folder / "Pulumi.yaml").write_text("name: demo\nruntime: python\nmain: program\nstackConfigDir: stacks\n")
        (folder / "stacks").mkdir()
        (folder / "program").mkdir()
        (folder / "program" / "__main__.py").write_text(textwrap.dedent(PROGRAM))

    def settings(self, revision: str, hns: bool = True) -> None:
        config = {"azure-native:location": "westeurope", "demo:account": self.account, "demo:revision": f"'{revision}'"}
        lines = [f"  {key}: {value}" for key, value in {**config, "demo:hns": str(hns).lower()}.items()]
        text = "\n".join([f"encryptionsalt: {self._salt}", "config:", *lines])
        (self.folder / "stacks" / "Pulumi.test.yaml").write_text(text)

    @property
    def stack(self) -> Stack:
        return Stack(
            "test", self.folder, self.folder / "state.json", PASSPHRASE, lambda package, version: AzureNativeProvider()
        )


def counts(result: Result) -> dict[str, int]:
    assert result.ok, result.diagnostics
    return {Operation(operation).value: count for operation, count in result.changes.items() if count}


@pytest.mark.slow
def test_a_stack_lives(local_azure: Any, tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.settings("1")
    assert counts(project.stack.preview()) == {"create": 7}
    assert counts(project.stack.up()) == {"create": 7}
    outputs = project.stack.outputs()
    assert outputs["endpoint"] == f"https://{project.account}.blob.azure.localhost/"
    assert outputs["vault"].endswith(".vault.azure.localhost/")
    assert counts(project.stack.up()) == {"same": 7}
    project.settings("2")
    assert counts(project.stack.preview()) == {"same": 6, "update": 1}
    assert counts(project.stack.up()) == {"same": 6, "update": 1}
    project.settings("2", hns=False)
    assert counts(project.stack.up())["replace"] >= 1
    assert counts(project.stack.up()) == {"same": 7}
    assert counts(project.stack.destroy()) == {"delete": 7}
    assert project.stack.resources() == []
