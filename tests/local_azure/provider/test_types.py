"""The table of types against the installed SDK."""

from __future__ import annotations

import pytest

from adfkit.engine.provider import ProviderError
from adfkit.local_azure.provider import sdk
from adfkit.local_azure.provider.types import TYPES, AzureType, lookup

EACH = pytest.mark.parametrize("type", TYPES.values(), ids=lambda type: type.token)


@EACH
def test_api_version_is_the_docstrings(type: AzureType) -> None:
    assert type.api_version == sdk.api_version(type)


@EACH
def test_inputs_are_the_sdks(type: AzureType) -> None:
    declared = set(sdk.inputs(type))
    assert set(type.parameters) <= declared
    assert {path.split(".")[0] for path in type.create_only} <= declared
    outputs = set(sdk.outputs(type))
    assert {path.split(".")[0] for path in type.renames} <= declared | outputs
    assert type.envelope - declared <= {"etag", "eTag"}
    assert set(type.defaults) <= set(type.parameters)


@EACH
def test_what_is_flat_has_no_properties_input(type: AzureType) -> None:
    assert ("properties" in sdk.inputs(type)) is False or not type.flat


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(ProviderError, match="does not support 'azure-native:sql:Server'"):
        lookup("azure-native:sql:Server")
