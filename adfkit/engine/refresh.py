"""Refresh: the state is told what its resources are like now; nothing in the cloud is changed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from adfkit.engine import urn as urns
from adfkit.engine.checkpoint import Checkpoint
from adfkit.engine.deletion import Reporter
from adfkit.engine.diff import property_changes, structural_diff
from adfkit.engine.errors import EngineError
from adfkit.engine.events import Operation, PropertyChange, ResourcePlanned, Step
from adfkit.engine.properties import redacted, with_secret_keys
from adfkit.engine.provider import ProviderError, ReadResult
from adfkit.engine.registry import ProviderRegistry
from adfkit.engine.state import ResourceState


class Refresh:
    """Reads the resources of a checkpoint, and takes what differs into it."""

    def __init__(self, checkpoint: Checkpoint, registry: ProviderRegistry, reporter: Reporter) -> None:
        self._checkpoint = checkpoint
        self._registry = registry
        self._reporter = reporter

    def run(self, parallel: int, targeted: Callable[[str], bool]) -> None:
        """Read every targeted resource; one that cannot be read is an error, and stays as it is."""
        states = [state for state in self._checkpoint.resources() if not state.delete and not state.pending_replacement]
        with ThreadPoolExecutor(parallel) as pool:
            reads = {
                state.urn: pool.submit(self._read, state)
                for state in states
                if _lives_in_a_cloud(state) and targeted(state.urn)
            }
            for state in states:
                if not (urns.is_provider(state.type) and not state.parent):
                    self._settle(state, reads.get(state.urn))
        self._checkpoint.save()

    def _read(self, state: ResourceState) -> ReadResult:
        return self._registry.client(state.provider).read(state.urn, state.type, state.id, state.inputs, state.outputs)

    def _settle(self, state: ResourceState, read: Future[ReadResult] | None) -> None:
        if read is None:
            self._tell(Operation.SAME, state)
            return
        try:
            result = read.result()
        except (EngineError, ProviderError) as error:
            self._reporter.fail(f"It could not be read. {error}", state.urn)
            return
        if result.id:
            self._take(state, result)
        else:
            self._tell(Operation.DELETE, state, "it does not exist any more")
            self._checkpoint.forget(state)

    def _take(self, state: ResourceState, result: ReadResult) -> None:
        """Note how the resource is; a provider without inputs to tell leaves those that the state has."""
        inputs = result.inputs or state.inputs
        outputs = with_secret_keys(result.outputs, state.additional_secret_outputs)
        if (result.id, inputs, outputs) == (state.id, state.inputs, state.outputs):
            self._tell(Operation.SAME, state)
            return
        after = ResourceState(state.urn, state.type, state.custom, result.id, inputs, outputs)
        self._tell(Operation.UPDATE, state, "it was changed outside of this stack", after)
        state.id, state.inputs, state.outputs, state.init_errors = result.id, inputs, outputs, []
        self._checkpoint.change(state, save=False)

    def _tell(
        self, operation: Operation, state: ResourceState, reason: str = "", after: ResourceState | None = None
    ) -> None:
        changes: tuple[PropertyChange, ...] = ()
        if after is not None:
            detailed = structural_diff(state.outputs, after.outputs) or structural_diff(state.inputs, after.inputs)
            changes = property_changes(detailed, state.outputs, state.inputs, {**after.inputs, **after.outputs})
        step = Step(
            operation,
            state.urn,
            state.type,
            state.name,
            state.parent,
            changes=changes,
            reason=reason,
            before=redacted(state.inputs) if operation is not Operation.SAME else None,
            after=redacted(after.inputs) if after is not None else None,
        )
        self._reporter.emit(ResourcePlanned(step))


def _lives_in_a_cloud(state: ResourceState) -> bool:
    return state.custom and bool(state.id) and not urns.is_provider(state.type)
