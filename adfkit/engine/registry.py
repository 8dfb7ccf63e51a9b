"""The providers of one run: made when first used, configured once, and called with plain values."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from adfkit.engine import urn as urns
from adfkit.engine.diff import structural_diff
from adfkit.engine.errors import EngineError
from adfkit.engine.properties import Properties, has_unknown, plain, with_secrets_of
from adfkit.engine.provider import (
    CheckResult,
    CreateResult,
    DiffResult,
    PartialCreateError,
    Provider,
    ProviderError,
    ProviderFactory,
    ReadResult,
    RecoveringProvider,
)
from adfkit.engine.state import ResourceState

T = TypeVar("T")
VERSION_KEY: Final = "version"
INTERNAL_KEY: Final = "__internal"
"""What the Pulumi CLI keeps of its own in a provider's inputs; empty here, and there so that it sees no change."""


@dataclass(frozen=True, slots=True)
class ProviderClient:
    """One provider as the engine calls it: secrets are unwrapped on the way in, and wrapped again on the way out."""

    package: str
    provider: Provider | None
    """None in a preview in which the provider's configuration is not known yet."""

    def check(self, urn: str, type: str, name: str, old: Properties, new: Properties, seed: bytes) -> CheckResult:
        """Check and complete inputs."""
        if self.provider is None:
            return CheckResult(new)
        provider = self.provider
        result = self._call(lambda: provider.check(urn, type, name, plain(old), plain(new), seed))
        return CheckResult(with_secrets_of(result.inputs, new), result.failures)

    def diff(self, state: ResourceState, urn: str, type: str, new: Properties) -> DiffResult:
        """Compare a resource with its new inputs."""
        if self.provider is None:
            return DiffResult(structural_diff(state.inputs, new))
        provider = self.provider
        return self._call(
            lambda: provider.diff(urn, type, state.id, plain(state.inputs), plain(state.outputs), plain(new))
        )

    def create(self, urn: str, type: str, name: str, inputs: Properties, preview: bool, timeout: float) -> CreateResult:
        """Create a resource."""
        if self.provider is None:
            return CreateResult("", {})
        provider = self.provider
        result = self._call(lambda: provider.create(urn, type, name, plain(inputs), preview, timeout), inputs)
        if not preview and not result.id:
            raise ProviderError(f"The provider of {self.package} created {urn} and gave it no id.")
        return CreateResult(result.id, with_secrets_of(result.outputs, inputs))

    @property
    def recovers(self) -> bool:
        """Whether the provider can tell what an interrupted create made."""
        return isinstance(self.provider, RecoveringProvider)

    def recover(self, urn: str, type: str, name: str, inputs: Properties, timeout: float) -> CreateResult | None:
        """Find what an interrupted create made, where the provider can tell."""
        provider: object = self.provider
        if not isinstance(provider, RecoveringProvider):
            return None
        result = self._call(lambda: provider.recover(urn, type, name, plain(inputs), timeout), inputs)
        return None if result is None else CreateResult(result.id, with_secrets_of(result.outputs, inputs))

    def read(self, urn: str, type: str, id: str, inputs: Properties, outputs: Properties) -> ReadResult:
        """Read a resource."""
        provider = self._configured()
        result = self._call(lambda: provider.read(urn, type, id, plain(inputs), plain(outputs)))
        known = {**inputs, **outputs}
        return ReadResult(result.id, with_secrets_of(result.inputs, known), with_secrets_of(result.outputs, known))

    def update(
        self, state: ResourceState, urn: str, type: str, new: Properties, preview: bool, timeout: float
    ) -> Properties:
        """Update a resource in place; its new outputs."""
        if self.provider is None:
            return {}
        provider = self.provider
        outputs = self._call(
            lambda: provider.update(
                urn, type, state.id, plain(state.inputs), plain(state.outputs), plain(new), preview, timeout
            ),
            new,
        )
        return with_secrets_of(outputs, new)

    def delete(self, state: ResourceState) -> None:
        """Delete a resource."""
        provider = self._configured()
        timeout = state.custom_timeouts.get("delete", 0)
        self._call(
            lambda: provider.delete(state.urn, state.type, state.id, plain(state.inputs), plain(state.outputs), timeout)
        )

    def invoke(self, token: str, arguments: Properties) -> Properties | None:
        """Call a function; None where a preview cannot know its result."""
        if self.provider is None:
            return None
        provider = self.provider
        return self._call(lambda: provider.invoke(token, plain(arguments)))

    def _configured(self) -> Provider:
        if self.provider is None:
            raise ProviderError(f"The configuration of the provider of {self.package} is not known yet.")
        return self.provider

    def _call(self, function: Callable[[], T], inputs: Properties | None = None) -> T:
        try:
            return function()
        except PartialCreateError as error:
            error.outputs = with_secrets_of(error.outputs, inputs or {})
            raise
        except ProviderError:
            raise
        except Exception as error:
            raise ProviderError(
                f"The provider of {self.package} failed unexpectedly: {type(error).__name__}: {error}"
            ) from error


@dataclass(slots=True)
class _Declared:
    package: str
    inputs: Properties
    client: ProviderClient | None = None


class ProviderRegistry:
    """The providers by the URN of their provider resource."""

    def __init__(self, factory: ProviderFactory) -> None:
        self._factory = factory
        self._declared: dict[str, _Declared] = {}
        self._lock = threading.Lock()

    def declare(self, urn: str, inputs: Properties) -> None:
        """Say how the provider of a provider resource is configured; done again when that changes."""
        with self._lock:
            known = self._declared.get(urn)
            if known is None or known.inputs != inputs:
                self._declared[urn] = _Declared(urns.package_of(urns.type_of(urn)), inputs)

    def client(self, reference: str) -> ProviderClient:
        """The provider that a reference `<urn>::<id>` names.

        Raises:
            ProviderError: there is none for the package, or it refuses its configuration.
            EngineError: the reference names no provider resource of this stack.
        """
        urn = reference.rpartition("::")[0]
        with self._lock:
            declared = self._declared.get(urn)
            if declared is None:
                raise EngineError(f"The provider {urn or reference!r} is not a resource of this stack.")
            if declared.client is None:
                declared.client = self._configure(declared)
            return declared.client

    def _configure(self, declared: _Declared) -> ProviderClient:
        if has_unknown(declared.inputs):
            return ProviderClient(declared.package, None)
        provider = self._make(declared.package, declared.inputs)
        client = ProviderClient(declared.package, provider)
        client._call(lambda: provider.configure(_configuration(declared.inputs)))
        return client

    def check(self, package: str, inputs: Properties) -> CheckResult:
        """Check a provider's configuration and complete it."""
        if has_unknown(inputs):
            return CheckResult(inputs)
        provider = self._make(package, inputs)
        result = ProviderClient(package, provider)._call(lambda: provider.check_config(_configuration(inputs)))
        checked = with_secrets_of(result.inputs, inputs)
        for key in (VERSION_KEY, INTERNAL_KEY):
            if key in inputs:
                checked[key] = inputs[key]
        return CheckResult(checked, result.failures)

    def _make(self, package: str, inputs: Properties) -> Provider:
        return self._factory(package, str(inputs.get(VERSION_KEY, "")))


def _configuration(inputs: Properties) -> dict[str, Any]:
    values: dict[str, Any] = plain(inputs)
    return {key: value for key, value in values.items() if key not in (VERSION_KEY, INTERNAL_KEY)}


def with_version(inputs: Properties, version: str) -> Properties:
    """A provider's inputs as the state has them: with the version of its package, which says what to start."""
    return {**inputs, VERSION_KEY: version, INTERNAL_KEY: {}} if version else inputs
