"""The azure-native provider, on any Azure Resource Manager."""

from __future__ import annotations

from typing import Any

from adfkit.engine.properties import UNKNOWN, has_unknown
from adfkit.engine.provider import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    PartialCreateError,
    Properties,
    ProviderError,
    ReadResult,
)
from adfkit.local_azure.provider import bodies, checks, names
from adfkit.local_azure.provider.arm_client import ArmClient, ArmFailure
from adfkit.local_azure.provider.connection import connection
from adfkit.local_azure.provider.diffs import difference
from adfkit.local_azure.provider.types import GROUP, PACKAGE, AzureType, lookup

_GROUP_VERSION = lookup(f"{PACKAGE}:resources:ResourceGroup").api_version
CLIENT_CONFIG = f"{PACKAGE}:authorization:getClientConfig"
CONFIG_KEYS = frozenset(
    {"subscriptionId", "tenantId", "clientId", "clientSecret", "location", "metadataHost", "environment", "version"}
)


class AzureNativeProvider:
    """One configured instance; see `adfkit.engine.provider.Provider`."""

    def __init__(self) -> None:
        self._location: str | None = None
        self._client: ArmClient | None = None
        self._config: Properties = {}

    def check_config(self, config: Properties) -> CheckResult:
        """Refuse settings that this provider does not know."""
        failures = [
            CheckFailure(key, f"azure-native:{key} is not supported by the embedded engine")
            for key in sorted(set(config) - CONFIG_KEYS)
        ]
        return CheckResult(config, failures)

    def configure(self, config: Properties) -> None:
        """Take the configuration; the cloud is first asked when it is needed."""
        self._config = config
        self._location = config.get("location")

    @property
    def client(self) -> ArmClient:
        """The client of the configured cloud."""
        if self._client is None:
            self._client = ArmClient(connection(self._config))
        return self._client

    def check(
        self, urn: str, type: str, name: str, old_inputs: Properties, new_inputs: Properties, random_seed: bytes
    ) -> CheckResult:
        """Refuse unknown and missing inputs; add automatic name, location and API version."""
        azure_type = lookup(type)
        inputs = {key: value for key, value in new_inputs.items() if value is not None}
        for key, value in azure_type.defaults.items():
            inputs.setdefault(key, value)
        names.add(azure_type, name, inputs, old_inputs, random_seed)
        if "location" not in inputs and azure_type.takes_location:
            inputs["location"] = old_inputs.get("location") or self._default_location(azure_type, inputs)
        failures = checks.failures(azure_type, inputs)
        if inputs.get("location") is UNKNOWN and "resourceGroupName" not in azure_type.parameters[:-1]:
            failures.append(CheckFailure("location", "'location' is required; or set azure-native:location"))
        inputs[bodies.API_VERSION] = azure_type.api_version
        return CheckResult(inputs, failures)

    def _default_location(self, type: AzureType, inputs: Properties) -> Any:
        """The configured location, else the resource group's; unknown while there is no such group."""
        if self._location:
            return self._location
        group = inputs.get("resourceGroupName")
        if not isinstance(group, str) or "resourceGroupName" not in type.parameters[:-1]:
            return UNKNOWN
        id = GROUP.format(subscriptionId=self.client.connection.subscription_id, resourceGroupName=group)
        found = self.client.get(id, _GROUP_VERSION)
        return found["location"] if found else UNKNOWN

    def diff(
        self, urn: str, type: str, id: str, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties
    ) -> DiffResult:
        """Compare inputs; what is part of the id, or fixed at creation, replaces the resource."""
        azure_type = lookup(type)
        detailed = difference(azure_type, old_inputs, new_inputs)
        replaces = any(kind.value.endswith("-replace") for kind in detailed.values())
        collides = new_inputs.get(names.CREATE_BEFORE_DELETE) is not True
        return DiffResult(detailed, delete_before_replace=replaces and collides)

    def create(self, urn: str, type: str, name: str, inputs: Properties, preview: bool, timeout: float) -> CreateResult:
        """Create the resource; one that exists already is refused."""
        azure_type = lookup(type)
        if preview:
            return CreateResult("", bodies.preview_outputs(azure_type, inputs, {}))
        id = self._id(azure_type, inputs)
        if not azure_type.singleton and self.client.get(id, azure_type.api_version) is not None:
            raise ProviderError(f"cannot create already existing resource '{id}'")
        return self._put(azure_type, id, inputs, timeout)

    def recover(self, urn: str, type: str, name: str, inputs: Properties, timeout: float) -> CreateResult | None:
        """The resource that an interrupted create made, brought to its inputs; None where there is none."""
        azure_type = lookup(type)
        id = self._id(azure_type, inputs)
        if self.client.get(id, azure_type.api_version) is None:
            return None
        return self._put(azure_type, id, inputs, timeout)

    def _put(self, type: AzureType, id: str, inputs: Properties, timeout: float) -> CreateResult:
        if has_unknown(inputs):
            unknown = ", ".join(sorted(key for key, value in inputs.items() if has_unknown(value)))
            raise ProviderError(f"{type.token} '{id}': not known at deployment: {unknown}")
        try:
            body = self.client.put(id, type.api_version, bodies.request_body(type, inputs), timeout)
        except ArmFailure as failure:
            left = None if failure.status in (400, 401, 403, 404) else self.client.get(id, type.api_version)
            if left is None or type.singleton:
                raise
            raise PartialCreateError(str(failure), left["id"], bodies.outputs(type, left)) from failure
        return CreateResult(body["id"], bodies.outputs(type, body))

    def read(self, urn: str, type: str, id: str, inputs: Properties, outputs: Properties) -> ReadResult:
        """Read the resource; without inputs (an import) they are made from what is there."""
        azure_type = lookup(type)
        body = self.client.get(id, azure_type.api_version)
        if body is None:
            return ReadResult("", {}, {})
        found = bodies.outputs(azure_type, body)
        if not inputs:
            return ReadResult(body["id"], bodies.inputs_from(azure_type, id, found), found)
        kept = dict(inputs)
        for key, value in inputs.items():
            if key in found and key in outputs and key not in azure_type.parameters and key != "identity":
                kept[key] = bodies.refreshed(value, outputs[key], found[key])
        return ReadResult(body["id"], kept, found)

    def update(
        self,
        urn: str,
        type: str,
        id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Change the resource in place."""
        azure_type = lookup(type)
        if preview:
            return bodies.preview_outputs(azure_type, new_inputs, old_outputs)
        return self._put(azure_type, id, new_inputs, timeout).outputs

    def delete(self, urn: str, type: str, id: str, inputs: Properties, outputs: Properties, timeout: float) -> None:
        """Delete the resource; what exists with its parent goes back to its defaults, or stays as the parent's."""
        azure_type = lookup(type)
        if not azure_type.singleton:
            self.client.delete(id, azure_type.api_version, timeout)
        elif azure_type.reset_on_delete and self.client.get(id, azure_type.api_version) is not None:
            self.client.put(id, azure_type.api_version, {"properties": {}}, timeout)

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """Answer `authorization:getClientConfig`.

        Raises:
            ProviderError: another function; the text names it.
        """
        if token != CLIENT_CONFIG:
            raise ProviderError(f"The embedded engine's azure-native provider does not support the function '{token}'.")
        claims = self.client.claims()
        return {
            "clientId": claims.get("appid") or claims.get("azp", ""),
            "objectId": claims.get("oid", ""),
            "subscriptionId": self.client.connection.subscription_id,
            "tenantId": claims.get("tid", ""),
        }

    def _id(self, type: AzureType, inputs: Properties) -> str:
        return bodies.resource_id(type, inputs, self.client.connection.subscription_id)
