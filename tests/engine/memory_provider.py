"""A provider of the package `mem`: a cloud in memory, which notes every call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adfkit.engine.diff import structural_diff
from adfkit.engine.properties import UNKNOWN
from adfkit.engine.provider import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffKind,
    DiffResult,
    PartialCreateError,
    ProviderError,
    ReadResult,
)

Bag = dict[str, Any]
_REPLACING = {
    DiffKind.ADD: DiffKind.ADD_REPLACE,
    DiffKind.DELETE: DiffKind.DELETE_REPLACE,
    DiffKind.UPDATE: DiffKind.UPDATE_REPLACE,
}


@dataclass
class MemoryCloud:
    """What exists, and what was called; `hooks` run before a call, by `<call> <name>`."""

    resources: dict[str, Bag] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    hooks: dict[str, Callable[[], None]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    running: int = 0
    most_running: int = 0

    def provider(self, package: str, version: str) -> MemoryProvider:
        """The factory for a stack."""
        if package != "mem":
            raise ProviderError(f"There is no provider for the package {package}.")
        return MemoryProvider(self)

    def changes(self) -> list[str]:
        """The calls so far that change something, taken out of the list."""
        with self.lock:
            taken, self.calls = self.calls, []
        return [call for call in taken if call.split()[0] in ("create", "update", "delete", "recover")]


class MemoryProvider:
    """`zone` forces a replacement, `unique` too and by deleting first; `fail` names the call that fails."""

    def __init__(self, cloud: MemoryCloud) -> None:
        self.cloud = cloud
        self.config: Bag = {}

    def check_config(self, config: Bag) -> CheckResult:
        if config.get("region") == "nowhere":
            return CheckResult(config, [CheckFailure("region", "there is no such region")])
        return CheckResult({"region": "default", **config})

    def configure(self, config: Bag) -> None:
        self.config = config
        self._note(f"configure {config['region']}")

    def check(
        self, urn: str, type: str, name: str, old_inputs: Bag, new_inputs: Bag, random_seed: bytes
    ) -> CheckResult:
        inputs = {**new_inputs}
        if inputs.get("size") == "huge":
            return CheckResult(inputs, [CheckFailure("size", "huge is too large; small and large are allowed")])
        inputs["label"] = old_inputs.get("label") or f"{name}-{random_seed.hex()[:8]}"
        return CheckResult(inputs)

    def diff(self, urn: str, type: str, id: str, old_inputs: Bag, old_outputs: Bag, new_inputs: Bag) -> DiffResult:
        detailed = structural_diff(old_inputs, new_inputs)
        detailed = {path: _REPLACING[kind] if path in ("zone", "unique") else kind for path, kind in detailed.items()}
        return DiffResult(detailed, delete_before_replace="unique" in detailed)

    def create(self, urn: str, type: str, name: str, inputs: Bag, preview: bool, timeout: float) -> CreateResult:
        if preview:
            return CreateResult("", {**inputs, "echo": UNKNOWN, "key": UNKNOWN})
        self._begin(f"create {name}", inputs)
        try:
            id = f"id-{inputs['label']}"
            outputs = self._outputs(name, inputs)
            if inputs.get("fail") == "create":
                raise ProviderError(f"Quota exceeded for {name}.")
            self.cloud.resources[id] = outputs
            if inputs.get("fail") == "partial":
                raise PartialCreateError(f"{name} never became ready.", id, outputs)
            return CreateResult(id, outputs)
        finally:
            self._end()

    def recover(self, urn: str, type: str, name: str, inputs: Bag, timeout: float) -> CreateResult | None:
        self._note(f"recover {name}")
        id = f"id-{inputs['label']}"
        return CreateResult(id, self.cloud.resources[id]) if id in self.cloud.resources else None

    def read(self, urn: str, type: str, id: str, inputs: Bag, outputs: Bag) -> ReadResult:
        self._note(f"read {id}")
        found = self.cloud.resources.get(id)
        if found is None:
            return ReadResult("", {}, {})
        known = inputs or [key for key in found if key not in ("echo", "key")]  # an import has none
        return ReadResult(id, {key: found[key] for key in known if key in found}, found)

    def update(
        self,
        urn: str,
        type: str,
        id: str,
        old_inputs: Bag,
        old_outputs: Bag,
        new_inputs: Bag,
        preview: bool,
        timeout: float,
    ) -> Bag:
        if preview:
            return {**new_inputs, "echo": UNKNOWN, "key": "k"}
        name = urn.rsplit("::", 1)[-1]
        self._begin(f"update {name}", new_inputs)
        try:
            if new_inputs.get("fail") == "update":
                raise ProviderError(f"{name} is locked.")
            self.cloud.resources[id] = self._outputs(name, new_inputs)
            return self.cloud.resources[id]
        finally:
            self._end()

    def delete(self, urn: str, type: str, id: str, inputs: Bag, outputs: Bag, timeout: float) -> None:
        self._begin(f"delete {urn.rsplit('::', 1)[-1]}", inputs)
        try:
            if inputs.get("fail") == "delete":
                raise ProviderError("It is in use.")
            self.cloud.resources.pop(id, None)
        finally:
            self._end()

    def invoke(self, token: str, arguments: Bag) -> Bag:
        if token == "mem:index:whoami":
            return {"region": self.config["region"], **arguments}
        raise ProviderError(f"There is no function {token}.")

    def _outputs(self, name: str, inputs: Bag) -> Bag:
        return {**inputs, "echo": f"{name}:{inputs.get('size', '')}:{self.config['region']}", "key": f"key-of-{name}"}

    def _begin(self, call: str, inputs: Bag) -> None:
        self._note(call)
        with self.cloud.lock:
            self.cloud.running += 1
            self.cloud.most_running = max(self.cloud.most_running, self.cloud.running)
        self.cloud.hooks.get(call, lambda: None)()
        time.sleep(float(inputs.get("seconds", 0)))

    def _end(self) -> None:
        with self.cloud.lock:
            self.cloud.running -= 1

    def _note(self, call: str) -> None:
        with self.cloud.lock:
            self.cloud.calls.append(call)
