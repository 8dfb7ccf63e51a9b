"""Code in the cloud gets its identity by DefaultAzureCredential, unchanged, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from subprocess import PIPE
from typing import Any, Literal

import pytest

from adfkit.local_azure.app import Ports, running
from adfkit.local_azure.cloud import SUBSCRIPTION_ID

GROUP = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/rg"
CODE = """
import json, jwt, os
from azure.identity import DefaultAzureCredential
token = DefaultAzureCredential().get_token("https://storage.azure.com/.default")
print(json.dumps(jwt.decode(token.token, options={"verify_signature": False})))
"""


async def _claims_in_a_child(
    folder: Path,
    flavour: Literal["app_service", "machine_learning", "batch"],
    resource_id: str,
    *,
    revoke: bool = False,
) -> tuple[int | None, str, str, str]:
    async with running(folder, Ports()) as gateway:
        platform = gateway.platform
        principal = platform.identity.managed_identity(resource_id, display_name="x")
        environment = platform.identity.endpoint_environment(principal, flavour)
        if revoke:
            platform.identity.revoke_endpoint(environment)
        child = await platform.processes.spawn(
            [sys.executable, "-c", CODE],
            env={**platform.client_environment, **environment},
            cwd=folder,
            stdout=PIPE,
            stderr=PIPE,
        )
        output, errors = await child.communicate()
        return child.returncode, output.decode(), errors.decode(), principal.object_id


@pytest.mark.parametrize(
    ("flavour", "resource_id"),
    [
        ("app_service", f"{GROUP}/providers/Microsoft.Web/sites/app"),
        ("machine_learning", f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ml"),
        ("batch", f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/batch"),
    ],
)
@pytest.mark.slow
def test_a_child_gets_tokens_of_its_identity(tmp_path: Path, flavour: Any, resource_id: str) -> None:
    status, output, errors, object_id = asyncio.run(_claims_in_a_child(tmp_path, flavour, resource_id))
    assert status == 0, errors
    claims = json.loads(output)
    assert (claims["oid"], claims["aud"]) == (object_id, "https://storage.azure.com")
    assert claims["xms_mirid"] == resource_id


@pytest.mark.slow
def test_a_child_whose_endpoint_was_revoked_gets_none(tmp_path: Path) -> None:
    resource_id = f"{GROUP}/providers/Microsoft.Web/sites/app"
    status, _, errors, _ = asyncio.run(_claims_in_a_child(tmp_path, "app_service", resource_id, revoke=True))
    assert status == 1
    assert "DefaultAzureCredential failed to retrieve a token" in errors
