"""The state of a stack: resources as deployed, in the deployment format (version 3) of the Pulumi CLI.

The file is what `pulumi stack export` writes and `pulumi stack import` takes:
`{"version": 3, "deployment": {"manifest", "secrets_providers", "resources", "pending_operations", "metadata"}}`.
https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/core.go (ResourceV3)
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from adfkit.engine import urn as urns
from adfkit.engine.errors import EngineError
from adfkit.engine.passphrase import PassphraseCrypter
from adfkit.engine.properties import SECRET, SIGNATURE, UNKNOWN, Properties, Secret

VERSION: Final = 3


def now() -> str:
    """The time as the state spells it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@dataclass(slots=True, eq=False)
class ResourceState:
    """One resource as the last deployment left it; the fields are those of ResourceV3."""

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    provider: str = ""
    protect: bool = False
    external: bool = False
    delete: bool = False
    pending_replacement: bool = False
    init_errors: list[str] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    retain_on_delete: bool = False
    deleted_with: str = ""
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    created: str = ""
    modified: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    """What the Pulumi CLI wrote and this engine has no use for; kept as it is."""

    @property
    def name(self) -> str:
        """The logical name."""
        return urns.name_of(self.urn)

    def equals(self, other: ResourceState) -> bool:
        """Whether the state file says the same of both."""
        names = (spec.name for spec in dataclasses.fields(self))
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def needs(self) -> set[str]:
        """The URNs of what must exist before this resource and be deleted after it."""
        needed = {self.parent, self.provider.rpartition("::")[0], self.deleted_with, *self.dependencies}
        for dependencies in self.property_dependencies.values():
            needed.update(dependencies)
        return needed - {""}

    def forget(self, urn: str) -> bool:
        """Drop references to a resource that is gone; whether there were any."""
        if urn not in self.needs():
            return False
        self.parent = "" if self.parent == urn else self.parent
        self.deleted_with = "" if self.deleted_with == urn else self.deleted_with
        self.dependencies = [one for one in self.dependencies if one != urn]
        self.property_dependencies = {
            key: [one for one in dependencies if one != urn] for key, dependencies in self.property_dependencies.items()
        }
        return True

    def rename(self, old: str, new: str) -> bool:
        """Let references to the resource `old` mean `new`; whether there were any."""
        before = (self.parent, self.dependencies, self.property_dependencies, self.provider, self.deleted_with)
        self.parent = new if self.parent == old else self.parent
        self.deleted_with = new if self.deleted_with == old else self.deleted_with
        self.dependencies = [new if one == old else one for one in self.dependencies]
        self.property_dependencies = {
            key: [new if one == old else one for one in dependencies]
            for key, dependencies in self.property_dependencies.items()
        }
        provider, separator, provider_id = self.provider.rpartition("::")
        self.provider = f"{new}{separator}{provider_id}" if provider == old else self.provider
        return before != (
            self.parent,
            self.dependencies,
            self.property_dependencies,
            self.provider,
            self.deleted_with,
        )


_JSON_KEYS: Final = {
    "property_dependencies": "propertyDependencies",
    "pending_replacement": "pendingReplacement",
    "init_errors": "initErrors",
    "additional_secret_outputs": "additionalSecretOutputs",
    "custom_timeouts": "customTimeouts",
    "retain_on_delete": "retainOnDelete",
    "deleted_with": "deletedWith",
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
}
_FIELDS: Final = {
    spec.name: _JSON_KEYS.get(spec.name, spec.name)
    for spec in dataclasses.fields(ResourceState)
    if spec.name != "extra"
}
_ALWAYS: Final = frozenset({"urn", "type", "custom"})


@dataclass(frozen=True, slots=True)
class PendingOperation:
    """An operation that was started and not yet finished: `creating`, `updating` or `deleting`."""

    type: str
    resource: ResourceState


@dataclass(slots=True)
class Deployment:
    """A stack's resources in dependency order, and what was under way when the file was written."""

    resources: list[ResourceState] = field(default_factory=list)
    pending_operations: list[PendingOperation] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)


def dump_resource(state: ResourceState, crypter: PassphraseCrypter) -> dict[str, Any]:
    """The JSON object of a resource; empty fields are left out, secrets are encrypted."""
    result: dict[str, Any] = {}
    for name, key in _FIELDS.items():
        value = getattr(state, name)
        if value or name in _ALWAYS:
            result[key] = _dump_value(value, crypter, state.urn) if name in ("inputs", "outputs") else value
    return {**result, **state.extra}


def _dump_value(value: Any, crypter: PassphraseCrypter, urn: str) -> Any:
    if isinstance(value, Secret):
        plaintext = json.dumps(_dump_plain(value.value, urn), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        return {SIGNATURE: SECRET, "ciphertext": crypter.encrypt(plaintext)}
    if value is UNKNOWN:
        raise EngineError(f"{urn} has a value that is still unknown after it was deployed; its provider must give one.")
    if isinstance(value, Mapping):
        return {str(key): _dump_value(value[key], crypter, urn) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_dump_value(item, crypter, urn) for item in value]
    return value


def _dump_plain(value: Any, urn: str) -> Any:
    """What is inside a secret; secrets inside it need no encryption of their own."""
    if isinstance(value, Secret):
        return _dump_plain(value.value, urn)
    if value is UNKNOWN:
        raise EngineError(
            f"{urn} has a secret that is still unknown after it was deployed; its provider must give one."
        )
    if isinstance(value, Mapping):
        return {str(key): _dump_plain(item, urn) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_dump_plain(item, urn) for item in value]
    return value


def load_resource(document: Mapping[str, Any], crypter: PassphraseCrypter) -> ResourceState:
    """The resource in a JSON object of the state file."""
    known = {name: document[key] for name, key in _FIELDS.items() if document.get(key) is not None}
    for name in ("inputs", "outputs"):
        if name in known:
            known[name] = _load_value(known[name], crypter)
    extra = {key: value for key, value in document.items() if key not in _FIELDS.values()}
    return ResourceState(**known, extra=extra)


def _load_value(value: Any, crypter: PassphraseCrypter) -> Any:
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            plaintext = crypter.decrypt(value["ciphertext"]) if "ciphertext" in value else value["plaintext"]
            return Secret(_load_value(json.loads(plaintext), crypter))
        return {key: _load_value(item, crypter) for key, item in value.items()}
    if isinstance(value, list):
        return [_load_value(item, crypter) for item in value]
    return value
