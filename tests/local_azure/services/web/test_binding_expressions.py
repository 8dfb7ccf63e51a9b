"""Binding expressions and the paths of blob triggers."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adfkit.local_azure.services.web.bindings import BindingError
from adfkit.local_azure.services.web.bindings.connections import endpoint
from adfkit.local_azure.services.web.bindings.expressions import BlobPath, names_in, resolve, with_settings
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.models import App


def app(**settings: str) -> App:
    return cast(App, SimpleNamespace(name="fa", settings=settings))


@pytest.mark.parametrize(
    ("path", "blob", "expected"),
    [
        ("in/{name}", "a/b.csv", {"name": "a/b.csv"}),
        ("in/{name}.{extension}", "a.csv", {"name": "a", "extension": "csv"}),
        ("in/original-{name}.txt", "original-1.txt", {"name": "1"}),
        ("in/original-{name}.txt", "copy-1.txt", None),
        ("in/{year}/{rest}", "2024/01/a", {"year": "2024", "rest": "01/a"}),
        ("in/fixed.txt", "fixed.txt", {}),
        ("in/fixed.txt", "fixedxtxt", None),
        ("in", "anything/at.all", {}),
    ],
)
def test_blobs_match_paths(path: str, blob: str, expected: Any) -> None:
    assert BlobPath(path).match(blob) == expected


def test_a_trigger_needs_a_container() -> None:
    with pytest.raises(HostError, match="does not begin with the name of a container"):
        BlobPath("{container}/{name}")


def test_expressions_name_settings_and_data() -> None:
    here = app(FOLDER="out")
    assert resolve(here, "%FOLDER%/{Name}-{order.id}", {"name": "a", **names_in({"order": {"id": 7}})}) == "out/a-7"
    assert re.fullmatch(r"[0-9a-f-]{36}", resolve(here, "{rand-guid}", {}))
    with pytest.raises(BindingError, match="No value for named parameter 'nobody'"):
        resolve(here, "{nobody}", {"name": "a"})
    with pytest.raises(HostError, match="'%NONE%' does not resolve to a value"):
        with_settings(here, "%NONE%/x")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"LAKE__blobServiceUri": "https://a.blob.azure.localhost/"}, "https://a.blob.azure.localhost"),
        ({"LAKE__accountName": "a"}, "https://a.blob.azure.localhost"),
        ({"LAKE__serviceUri": "https://a.blob.azure.localhost"}, "https://a.blob.azure.localhost"),
        (
            {"LAKE:blobServiceUri": "https://a.blob.azure.localhost", "LAKE__credential": "managedidentity"},
            "https://a.blob.azure.localhost",
        ),
        ({"AzureWebJobsLAKE__accountName": "a"}, "https://a.blob.azure.localhost"),
    ],
)
def test_identity_based_connections(settings: dict[str, str], expected: str) -> None:
    assert endpoint(app(**settings), "LAKE", "blob") == expected


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "Storage account connection 'LAKE' does not exist"),
        ({"LAKE": "DefaultEndpointsProtocol=https;AccountKey=x"}, "set 'LAKE__blobServiceUri' instead"),
        ({"LAKE__accountName": "a", "LAKE__credential": "secret"}, "'LAKE__credential' must be managedidentity"),
        ({"LAKE__accountName": "a", "LAKE__clientId": "1"}, "'LAKE__clientId' is not supported"),
    ],
)
def test_other_connections_are_refused(settings: dict[str, str], says: str) -> None:
    with pytest.raises(HostError) as raised:
        endpoint(app(**settings), "LAKE", "blob")
    assert says in str(raised.value)
    assert "AccountKey" not in str(raised.value)
