"""What host.json says of Durable Functions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from adfkit.local_azure.services.web.durable.settings import HubSettings
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.functions import require_extensions
from adfkit.local_azure.services.web.models import App

APP = cast(App, SimpleNamespace(name="my-app-1", settings={"HUB": "Blue"}))


def read(**durable_task: Any) -> HubSettings:
    return HubSettings.read(APP, {"extensions": {"durableTask": durable_task}})


def test_the_hub_has_the_apps_name_and_ten_activities_at_once() -> None:
    assert HubSettings.read(APP, {"version": "2.0"}) == HubSettings("myapp1", 10)


def test_a_hub_is_named_by_host_json_and_app_settings() -> None:
    settings = read(hubName="%HUB%Hub", maxConcurrentActivityFunctions=2, storageProvider={"type": "AzureStorage"})
    assert settings == HubSettings("BlueHub", 2)


@pytest.mark.parametrize(
    ("durable_task", "says"),
    [
        ({"storageProvider": {"type": "mssql"}}, "the storage provider 'mssql' of Durable Functions is not supported"),
        ({"hubName": "my-hub"}, "Task hub name 'my-hub' should contain only alphanumeric characters"),
        ({"hubName": "%NONE%"}, "Task hub name '%NONE%' should contain only alphanumeric characters"),
        ({"maxConcurrentActivityFunctions": "4"}, "maxConcurrentActivityFunctions must be a number from 1 on, not '4'"),
    ],
)
def test_a_setting_that_is_none_is_named(durable_task: dict[str, Any], says: str) -> None:
    with pytest.raises(HostError) as raised:
        read(**durable_task)
    assert says in str(raised.value)


def test_an_extension_needs_its_bundle() -> None:
    function = cast(Any, SimpleNamespace(bindings=[{"type": "httpTrigger"}, {"type": "durableClient"}]))
    with pytest.raises(HostError, match=r"The binding type\(s\) 'durableClient' are not registered"):
        require_extensions([function], {"version": "2.0"})
    require_extensions([function], {"extensionBundle": {"id": "Microsoft.Azure.Functions.ExtensionBundle"}})
