"""The state file of a stack while a deployment runs: every step is saved, whole and atomically, before it is reported.

A save writes a new file beside the old one, syncs it and renames it, so a process killed at any point leaves either the
one or the other. Threads that finish steps at the same time share a save.
"""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from typing import Any, Final

import orjson

from adfkit.engine.errors import EngineError
from adfkit.engine.passphrase import PassphraseCrypter
from adfkit.engine.state import (
    VERSION,
    Deployment,
    PendingOperation,
    ResourceState,
    dump_resource,
    load_resource,
    now,
)

SDK_VERSION: Final = "v3.272.0"
"""The version of Pulumi whose format is written; `manifest.magic` is its SHA-256, which the CLI checks."""


def read(path: Path) -> dict[str, Any] | None:
    """The deployment in a state file, or None where there is no file.

    Raises:
        EngineError: the file is no deployment of version 3.
    """
    try:
        document = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise EngineError(f"The state file {path} cannot be read: {error}.") from error
    deployment = document.get("deployment") if isinstance(document, dict) else None
    if not isinstance(deployment, dict) or document.get("version") != VERSION:
        raise EngineError(
            f"The state file {path} is no deployment of version {VERSION}, as `pulumi stack export` writes it."
        )
    return deployment


def salt_line(deployment: dict[str, Any], path: Path) -> str | None:
    """The salt line of a deployment's secrets, or None where it has no secrets provider.

    Raises:
        EngineError: its secrets are not encrypted with a passphrase.
    """
    provider = deployment.get("secrets_providers")
    if not provider:
        return None
    if provider.get("type") != "passphrase":
        raise EngineError(
            f"The secrets in {path} use the provider {provider.get('type')!r}; only passphrase is supported."
        )
    salt: str = provider["state"]["salt"]
    return salt


class Checkpoint:
    """The resources of one run: those that the program has registered, and those of before that it has not (yet)."""

    def __init__(self, path: Path | None, crypter: PassphraseCrypter, deployment: dict[str, Any] | None) -> None:
        """Open; with no `path` nothing is written, which is a preview."""
        self.path = path
        self.crypter = crypter
        loaded = _load(deployment, crypter)
        self.base = loaded.resources
        self.left_over = frozenset(id(state) for state in self.base if state.delete)
        self.interrupted = loaded.pending_operations
        self._metadata = loaded.metadata
        self._new: list[ResourceState] = []
        self._gone: set[int] = set()
        self._pending: list[PendingOperation] = []
        self._encoded: dict[ResourceState, orjson.Fragment] = {}  # states hash by identity
        self._lock = threading.RLock()
        self._save_lock = threading.Lock()
        self._version = 0
        self._saved_version = 0
        self.partial = False
        """Whether resources of before stay among new ones (`--target`), so that these need be put in order."""

    def resources(self) -> list[ResourceState]:
        """All resources as they are now, in dependency order."""
        with self._lock:
            states = [*self._new, *(state for state in self.base if id(state) not in self._gone)]
            return ordered(states) if self.partial else states

    def left(self) -> list[ResourceState]:
        """The resources of before that the program has not registered."""
        with self._lock:
            return [state for state in self.base if id(state) not in self._gone]

    def begin(self, type: str, resource: ResourceState) -> PendingOperation:
        """Note, on disk, that an operation is under way."""
        operation = PendingOperation(type, resource)
        with self._lock:
            self._pending.append(operation)
            self._version += 1
        self.save()
        return operation

    def finish(
        self,
        operation: PendingOperation | None = None,
        *,
        add: ResourceState | None = None,
        remove: ResourceState | None = None,
        save: bool = True,
        changed: bool = True,
    ) -> None:
        """End an operation: a resource came to be, is replaced by its new state, or is gone."""
        with self._lock:
            if operation is not None:
                self._pending.remove(operation)
                self._encoded.pop(operation.resource, None)
            if remove is not None:
                self._gone.add(id(remove))
                self._new = [state for state in self._new if state is not remove]
            if add is not None:
                self._new.append(add)
            self._version += changed
        if save:
            self.save()

    def adopt(self, state: ResourceState) -> None:
        """Take a resource among those of before."""
        with self._lock:
            self.base.append(state)
            self.change(state, save=False)

    def forget(self, gone: ResourceState) -> None:
        """Take a resource out, and every reference to it, since it does not exist any more; saved later."""
        with self._lock:
            self.finish(remove=gone, save=False)
            self.change(*(state for state in self.resources() if state.forget(gone.urn)), save=False)

    def settle(self, urn: str) -> None:
        """Forget what an interrupted run had under way on a resource."""
        with self._lock:
            self.interrupted = [one for one in self.interrupted if one.resource.urn != urn]
            self._version += 1

    def change(self, *states: ResourceState, save: bool = True) -> None:
        """Note that fields of resources were changed."""
        with self._lock:
            for state in states:
                self._encoded.pop(state, None)
            self._version += 1
        if save:
            self.save()

    def rename(self, old: str, new: str) -> None:
        """Let every reference to `old` mean `new`, since a resource was found under its alias."""
        with self._lock:
            self.change(*(state for state in self.resources() if state.rename(old, new)), save=False)

    def save(self) -> None:
        """Write the file, unless another thread has just written what this one wants written."""
        if self.path is None:
            return
        wanted = self._version
        with self._save_lock:
            if self._saved_version >= wanted:
                return
            with self._lock:
                version, content = self._version, self._encode()
            _write_atomically(self.path, content)
            self._saved_version = version

    def _encode(self) -> bytes:
        document = {
            "version": VERSION,
            "deployment": {
                "manifest": {
                    "time": now(),
                    "magic": hashlib.sha256(SDK_VERSION.encode()).hexdigest(),
                    "version": SDK_VERSION,
                },
                "secrets_providers": {"type": "passphrase", "state": {"salt": self.crypter.salt_line}},
                "resources": [self._encode_resource(state) for state in self.resources()],
                "pending_operations": [
                    {"resource": self._encode_resource(one.resource), "type": one.type}
                    for one in [*self.interrupted, *self._pending]
                ],
                "metadata": self._metadata,
            },
        }
        return orjson.dumps(document, option=orjson.OPT_INDENT_2)

    def _encode_resource(self, state: ResourceState) -> orjson.Fragment:
        """The resource's JSON, made once for as long as it does not change."""
        encoded = self._encoded.get(state)
        if encoded is None:
            encoded = self._encoded[state] = orjson.Fragment(orjson.dumps(dump_resource(state, self.crypter)))
        return encoded


def ordered(states: list[ResourceState]) -> list[ResourceState]:
    """The resources, each after those that it needs, else in the order that they have."""
    by_urn: dict[str, list[ResourceState]] = {}
    for state in states:
        by_urn.setdefault(state.urn, []).append(state)
    placed: dict[int, ResourceState] = {}
    entered: set[int] = set()
    stack = list(reversed(states))
    while stack:
        state = stack.pop()
        if id(state) in placed:
            continue
        needed = [one for urn in sorted(state.needs()) for one in by_urn.get(urn, ()) if id(one) not in entered]
        if needed and id(state) not in entered:
            entered.add(id(state))
            stack += [state, *needed]
        else:
            entered.add(id(state))
            placed[id(state)] = state
    return list(placed.values())


def _load(deployment: dict[str, Any] | None, crypter: PassphraseCrypter) -> Deployment:
    if deployment is None:
        return Deployment()
    return Deployment(
        resources=[load_resource(one, crypter) for one in deployment.get("resources") or []],
        pending_operations=[
            PendingOperation(one["type"], load_resource(one["resource"], crypter))
            for one in deployment.get("pending_operations") or []
        ],
        metadata=deployment.get("metadata") or {},
    )


def _write_atomically(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise EngineError(f"The state file {path} cannot be written: {error.strerror}.") from error
