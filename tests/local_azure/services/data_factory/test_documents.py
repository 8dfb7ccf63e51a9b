"""The hooks of artifacts where no official call leads yet: a trigger that runs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adfkit.local_azure import resource_id
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest
from adfkit.local_azure.services.data_factory.documents import Documents
from adfkit.local_azure.services.data_factory.runtime import Sealer

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DataFactory/factories/f/triggers/t"


@pytest.mark.parametrize("hook", ["put", "delete"])
def test_a_started_trigger_is_neither_changed_nor_deleted(hook: str) -> None:
    properties = {"type": "ScheduleTrigger", "runtimeState": "Started"}
    stored = Resource(ID, "Microsoft.DataFactory/factories/triggers", "t", {"properties": properties}, "e", "", "")
    platform: Any = None
    request = ArmRequest(
        platform=platform,
        principal=Principal("o", "c", "deployer", "ServicePrincipal"),
        id=resource_id.parse(ID),
        api_version="2018-06-01",
        body={"properties": {"type": "ScheduleTrigger"}},
        query={},
        headers={},
        existing=stored,
    )
    with pytest.raises(AzureError) as error:
        asyncio.run(getattr(Documents(Sealer.ephemeral()), hook)(request))
    assert (error.value.status, error.value.code) == (400, "TriggerEnabledCannotUpdate")
    assert error.value.message == "Cannot update enabled Trigger; the trigger needs to be disabled first. "
