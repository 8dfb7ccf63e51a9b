"""Deletes: what the program no longer has, and what makes room for a replacement."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from adfkit.engine import urn as urns
from adfkit.engine.checkpoint import Checkpoint
from adfkit.engine.errors import EngineError
from adfkit.engine.events import Diagnostic, Event, Operation, ResourcePlanned, Step
from adfkit.engine.properties import redacted
from adfkit.engine.provider import ProviderError
from adfkit.engine.registry import ProviderRegistry
from adfkit.engine.state import ResourceState
from adfkit.engine.targets import Targets


class Reporter(Protocol):
    """Who is told of deletes; the deployment."""

    @property
    def stopped(self) -> bool:
        """Whether nothing more is started."""

    def emit(self, event: Event) -> None:
        """Take an event."""

    def fail(self, message: str, urn: str = "", location: str = "") -> None:
        """Take an error, and stop."""

    def timed(self, operation: Operation, urn: str) -> AbstractContextManager[None]:
        """Tell of a step's begin and end."""


class Deletion:
    """Deletes resources of a checkpoint."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        registry: ProviderRegistry,
        reporter: Reporter,
        registered: Mapping[str, ResourceState],
        targets: Targets | None = None,
    ) -> None:
        self._checkpoint = checkpoint
        self._registry = registry
        self._reporter = reporter
        self._registered = registered
        self._targets = targets or Targets()

    def make_room(self, state: ResourceState, preview: bool) -> None:
        """Delete a resource before its replacement is created; the state keeps it as pending until that is there."""
        if not preview:
            with self._reporter.timed(Operation.DELETE_REPLACED, state.urn):
                started = self._checkpoint.begin("deleting", state)
                try:
                    if not state.retain_on_delete:
                        self._registry.client(state.provider).delete(state)
                except BaseException:
                    self._checkpoint.finish(started)
                    raise
                state.pending_replacement = True
                self._checkpoint.change(state, save=False)
                self._checkpoint.finish(started)
        state.pending_replacement = True

    def adopt_interrupted(self) -> None:
        """Find what interrupted creates of resources that the program no longer has made, so that it is deleted too.

        Where the provider cannot tell, a warning names the resource, since it may be left in the cloud.
        """
        for operation in list(self._checkpoint.interrupted):
            state = operation.resource
            if state.urn not in self._targets:
                continue
            if operation.type == "creating" and state.urn not in self._registered:
                self._adopt(state)
            self._checkpoint.settle(state.urn)

    def _adopt(self, state: ResourceState) -> None:
        client = self._registry.client(state.provider)
        timeout = state.custom_timeouts.get("create", 0)
        found = client.recover(state.urn, state.type, state.name, state.inputs, timeout)
        if found is not None and found.id in {other.id for other in self._checkpoint.left()}:
            return  # the resource that it was to replace, which is deleted anyway
        if found is not None:
            state.id, state.outputs = found.id, found.outputs
            self._checkpoint.adopt(state)
        elif not client.recovers:
            message = (
                "An earlier run was interrupted while it created this resource. Look whether it exists, and delete it."
            )
            self._reporter.emit(Diagnostic("warning", message, state.urn))

    def run(self, preview: bool, parallel: int) -> None:
        """Delete all that is left of before, dependents first; nothing, if one of them is protected."""
        if not preview:
            self.adopt_interrupted()
        states = [state for state in self._checkpoint.left() if state.urn in self._targets]
        protected = [state for state in states if state.protect and not state.delete and not state.pending_replacement]
        for state in protected:
            self._reporter.fail(
                "It is no longer in the program and would be deleted, but it is protected. Put it back, or deploy it "
                "once with protect=False.",
                state.urn,
            )
        if protected:
            return
        leaving = {state.urn for state in states if state.urn not in self._registered}
        for state in reversed(states):
            self._plan(state)
        if not preview:
            self._execute(states, leaving, parallel)

    def _plan(self, state: ResourceState) -> None:
        replaced_now = state.delete and id(state) not in self._checkpoint.left_over
        if replaced_now or state.pending_replacement or _is_internal(state):
            return  # part of a replacement that is told already, or the engine's own
        reason = "it is no longer in the program"
        if state.delete:
            reason = "it was replaced by an earlier run, which could not delete it"
        elif state.retain_on_delete:
            reason += "; it is left alone in the cloud (retainOnDelete)"
        step = Step(
            _operation(state),
            state.urn,
            state.type,
            state.name,
            state.parent,
            reason=reason,
            before=redacted(state.inputs),
        )
        self._reporter.emit(ResourcePlanned(step))

    def _calls_provider(self, state: ResourceState, leaving: Collection[str]) -> bool:
        return (
            state.custom
            and not urns.is_provider(state.type)
            and not state.external
            and not state.retain_on_delete
            and not state.pending_replacement
            and state.deleted_with not in leaving
        )

    def _execute(self, states: list[ResourceState], leaving: Collection[str], parallel: int) -> None:
        """Delete in waves that are as wide as the dependencies allow; after a failure, no more is started."""
        waiting = _dependents(states)
        todo = {id(state): state for state in states}
        running: dict[Future[None], int] = {}
        with ThreadPoolExecutor(parallel) as pool:
            while todo or running:
                if not self._reporter.stopped:
                    for key in [key for key in todo if not waiting[key]]:
                        running[pool.submit(self._delete, todo.pop(key), leaving)] = key
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    key = running.pop(future)
                    future.result()
                    for others in waiting.values():
                        others.discard(key)
        if todo and not self._reporter.stopped:
            names = ", ".join(sorted(state.urn for state in todo.values()))
            raise EngineError(f"The state has resources that depend on each other in a circle: {names}.")

    def _delete(self, state: ResourceState, leaving: Collection[str]) -> None:
        """Delete one; an error is reported, and leaves the resource in the state."""
        if self._reporter.stopped:
            return
        operation = Operation.DELETE_REPLACED if state.delete else _operation(state)
        quiet = _is_internal(state) or state.pending_replacement
        try:
            with nullcontext() if quiet else self._reporter.timed(operation, state.urn):
                if self._calls_provider(state, leaving):
                    self._delete_with_provider(state)
                else:
                    self._checkpoint.finish(remove=state)
        except (EngineError, ProviderError) as error:
            self._reporter.fail(f"It could not be deleted. {error}", state.urn)

    def _delete_with_provider(self, state: ResourceState) -> None:
        started = self._checkpoint.begin("deleting", state)
        try:
            self._registry.client(state.provider).delete(state)
        except BaseException:
            self._checkpoint.finish(started)
            raise
        self._checkpoint.finish(started, remove=state)


def _dependents(states: list[ResourceState]) -> dict[int, set[int]]:
    """For the key of each resource, the keys of those that must be deleted before it."""
    by_urn: dict[str, list[ResourceState]] = {}
    for state in states:
        by_urn.setdefault(state.urn, []).append(state)
    dependents: dict[int, set[int]] = {id(state): set() for state in states}
    for state in states:
        for needed in state.needs():
            for other in by_urn.get(needed, ()):
                if other is not state:
                    dependents[id(other)].add(id(state))
    return dependents


def _operation(state: ResourceState) -> Operation:
    return Operation.DISCARD if state.external or state.retain_on_delete else Operation.DELETE


def _is_internal(state: ResourceState) -> bool:
    """Whether it is a default provider: only those have no parent."""
    return urns.is_provider(state.type) and not state.parent
