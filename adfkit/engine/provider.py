"""The provider protocol: what the engine asks of whoever manages a package's resources.

It is the resource provider interface of Pulumi (proto/pulumi/provider.proto) in Python values: property bags are plain
dicts; a secret or an unknown inside one is a `Secret` or `UNKNOWN` of `adfkit.engine.properties`. A provider gets plain
values (secrets unwrapped), as one that answers `acceptSecrets: false` does; the engine wraps its outputs again.
Methods may block and are called from several threads at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, runtime_checkable

Properties = dict[str, Any]


class ProviderError(Exception):
    """A provider refused or failed: the text says what, with the cloud's own code and message."""


class PartialCreateError(ProviderError):
    """A create or update that failed after the resource came to exist: `id` and `outputs` are kept in the state."""

    def __init__(self, message: str, id: str, outputs: Properties) -> None:
        super().__init__(message)
        self.id = id
        self.outputs = outputs


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """One bad input: the property's path and what is wrong with it."""

    property: str
    reason: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Inputs with defaults and automatic names filled in, or failures."""

    inputs: Properties
    failures: Sequence[CheckFailure] = ()


class DiffKind(Enum):
    """How one property differs; `*_REPLACE` forces a replacement."""

    ADD = "add"
    ADD_REPLACE = "add-replace"
    DELETE = "delete"
    DELETE_REPLACE = "delete-replace"
    UPDATE = "update"
    UPDATE_REPLACE = "update-replace"


@dataclass(frozen=True, slots=True)
class DiffResult:
    """`detailed` maps property paths (`a.b[0].c`) to how they differ; empty means no change."""

    detailed: Mapping[str, DiffKind] = field(default_factory=dict)
    delete_before_replace: bool = False

    @property
    def changes(self) -> bool:
        """Whether anything differs."""
        return bool(self.detailed)

    @property
    def replaces(self) -> list[str]:
        """The paths that force a replacement, sorted."""
        return sorted(path for path, kind in self.detailed.items() if kind.value.endswith("-replace"))


@dataclass(frozen=True, slots=True)
class CreateResult:
    """The new resource's id and outputs; in a preview the id is "" and unknown outputs are `UNKNOWN`."""

    id: str
    outputs: Properties


@dataclass(frozen=True, slots=True)
class ReadResult:
    """A resource as it is; `id` empty where it does not exist any more."""

    id: str
    inputs: Properties
    outputs: Properties


class Provider(Protocol):
    """One configured instance of a package's provider."""

    def check_config(self, config: Properties) -> CheckResult:
        """Check and complete the provider's configuration."""

    def configure(self, config: Properties) -> None:
        """Take the configuration; called once, before anything below."""

    def check(
        self, urn: str, type: str, name: str, old_inputs: Properties, new_inputs: Properties, random_seed: bytes
    ) -> CheckResult:
        """Check a resource's inputs and complete them; `name` is the logical name, for automatic names."""

    def diff(
        self, urn: str, type: str, id: str, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties
    ) -> DiffResult:
        """What differs between the resource as deployed and its checked inputs (`ignoreChanges` already applied)."""

    def create(self, urn: str, type: str, name: str, inputs: Properties, preview: bool, timeout: float) -> CreateResult:
        """Create the resource; `timeout` in seconds, 0 for the provider's own.

        Raises:
            ProviderError: it could not be created; PartialCreateError where it came to exist all the same.
        """

    def read(self, urn: str, type: str, id: str, inputs: Properties, outputs: Properties) -> ReadResult:
        """Read the resource as it is now."""

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
        """Update the resource in place and return its outputs."""

    def delete(self, urn: str, type: str, id: str, inputs: Properties, outputs: Properties, timeout: float) -> None:
        """Delete the resource; one that is gone already is no error."""

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """Call a function of the package, e.g. `azure-native:authorization:getClientConfig`."""


@runtime_checkable
class RecoveringProvider(Protocol):
    """A provider that can tell whether a create, whose answer was lost with the engine's process, took place."""

    def recover(self, urn: str, type: str, name: str, inputs: Properties, timeout: float) -> CreateResult | None:
        """The resource that a create with these checked inputs made, as `create` answers; None where there is none.

        Raises:
            ProviderError: it cannot tell, or what it made cannot be completed.
        """


class ProviderFactory(Protocol):
    """Makes the providers of the packages that a program uses."""

    def __call__(self, package: str, version: str) -> Provider:
        """A new, unconfigured instance.

        Raises:
            ProviderError: no provider for this package here; the text names it.
        """
