"""The decision on one resource: what is done to it, and why. Nothing here changes anything."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from adfkit.engine import paths
from adfkit.engine import urn as urns
from adfkit.engine.diff import forcing, property_changes, structural_diff, without
from adfkit.engine.errors import EngineError, UnsupportedFeature
from adfkit.engine.events import Operation, PropertyChange, Step
from adfkit.engine.goal import Goal
from adfkit.engine.properties import UNKNOWN, Properties, redacted
from adfkit.engine.provider import CheckResult, DiffKind, DiffResult
from adfkit.engine.registry import ProviderClient, ProviderRegistry
from adfkit.engine.state import PendingOperation, ResourceState

_SHOWN_PATHS: Final = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done to a resource, with its checked inputs."""

    operation: Operation
    inputs: Properties
    reason: str
    changes: tuple[PropertyChange, ...] = ()
    delete_before: bool = False

    def step(self, goal: Goal, old: ResourceState | None, old_urn: str) -> Step:
        """The plan as it is told."""
        changes = self.operation is not Operation.SAME
        return Step(
            operation=self.operation,
            urn=goal.urn,
            type=goal.type,
            name=goal.name,
            parent=goal.parent,
            changes=self.changes,
            reason=self.reason,
            delete_before=self.delete_before and old is not None,
            old_urn=old_urn,
            before=redacted(old.inputs) if changes and old is not None else None,
            after=redacted(self.inputs) if changes else None,
        )


class CheckFailed(EngineError):
    """The provider refuses a resource's inputs."""


class Planner:
    """Decides by the state and the provider's check and diff."""

    def __init__(self, registry: ProviderRegistry) -> None:
        self._registry = registry

    def plan(
        self, goal: Goal, old: ResourceState | None, pending: PendingOperation | None, goes_with_replaced: bool
    ) -> Plan:
        """The decision on a registration.

        `pending` is what an interrupted run had under way on the resource; `goes_with_replaced` says that the resource
        with which it is deleted (deletedWith) is replaced, and it with it.

        Raises:
            CheckFailed: the inputs are bad.
            ProviderError: the provider failed to tell.
        """
        if old is not None and old.custom != goal.custom:
            raise UnsupportedFeature("turning a component into a resource, or back, under one name")
        if not goal.custom:
            return _plan_component(goal, old)
        if old is None or old.external or old.pending_replacement:
            return self._plan_create(goal, old, pending)
        return self._plan_existing(goal, old, pending, goes_with_replaced)

    def plan_import(self, goal: Goal, there: ResourceState) -> Plan:
        """The decision on a resource that exists as `there` says, and is to be managed.

        Raises:
            EngineError: the program wants it otherwise; CheckFailed, ProviderError: as `plan`.
        """
        wanted = paths.keep_old(goal.ignore_changes, there.inputs, goal.inputs)
        inputs = self._check(goal, there.inputs, wanted)
        differing = sorted(without(self._diff(goal, there, inputs).detailed, goal.ignore_changes))
        if differing:
            raise EngineError(
                f"What is to be imported has other values: {_listed(differing)}. Write them as they are, import it, "
                "and change them then."
            )
        return Plan(Operation.IMPORT, inputs, "it exists already, and is managed from now on")

    def _plan_create(self, goal: Goal, old: ResourceState | None, pending: PendingOperation | None) -> Plan:
        interrupted = pending is not None and pending.type == "creating"
        inputs = self._check(goal, _created_inputs(pending), goal.inputs)
        if old is not None and old.pending_replacement:
            return Plan(Operation.REPLACE, inputs, "the old one is deleted already, to make room for it")
        if old is not None:
            return Plan(Operation.CREATE, inputs, "it was only read before, and is managed from now on")
        reason = "an earlier run was interrupted while it created it" if interrupted else "it is new in the program"
        return Plan(Operation.CREATE, inputs, reason)

    def _plan_existing(
        self, goal: Goal, old: ResourceState, pending: PendingOperation | None, goes_with_replaced: bool
    ) -> Plan:
        wanted = paths.keep_old(goal.ignore_changes, old.inputs, goal.inputs)
        inputs = self._check(goal, old.inputs, wanted)
        diff = self._diff(goal, old, inputs)
        detailed = forcing(without(diff.detailed, goal.ignore_changes), goal.replace_on_changes)
        if goes_with_replaced:
            detailed["deletedWith"] = DiffKind.UPDATE_REPLACE
        changes = property_changes(detailed, old.inputs, old.outputs, inputs)
        replacing = [change.path for change in changes if change.replaces]
        if replacing:
            if old.protect and goal.protect:
                raise EngineError(
                    f"It would be replaced because {_listed(replacing)} changed, and it is protected. "
                    "Say protect=False to let it."
                )
            # Automatic names are given anew, as for any new resource; not if its create is under way already.
            fresh = self._check(goal, _created_inputs(pending), goal.inputs)
            delete_before = diff.delete_before_replace
            if goal.delete_before_replace is not None:
                delete_before = goal.delete_before_replace
            reason = f"{_listed(replacing)} cannot change in place"
            return Plan(Operation.REPLACE, fresh, reason, changes, delete_before)
        if changes:
            reason = f"{_listed([change.path for change in changes])} changed"
            return Plan(Operation.UPDATE, inputs, reason, changes)
        if old.init_errors:
            return Plan(Operation.UPDATE, inputs, f"it was deployed only in part: {old.init_errors[0]}")
        if pending is not None and pending.type == "updating":
            return Plan(Operation.UPDATE, inputs, "an earlier run was interrupted while it updated it")
        return Plan(Operation.SAME, inputs, "")

    def replaced_with(self, root: ResourceState, resources: Iterable[ResourceState]) -> list[ResourceState]:
        """The resources that must be replaced because `root` is deleted first; both lists in dependency order.

        These are the ones that take a property from a resource that is replaced, and whose provider, told that the
        property will change, would replace them.

        Raises:
            EngineError: one of them is protected.
        """
        replaced = {root.urn}
        result = []
        for state in resources:
            if not state.custom or state.external or state.delete or state.pending_replacement or state.urn in replaced:
                continue
            if state.provider.rpartition("::")[0] in replaced or self._is_replaced_with(state, replaced):
                if state.protect:
                    raise EngineError(f"{state.urn} would be replaced together with it, and that one is protected.")
                replaced.add(state.urn)
                result.append(state)
        return result

    def _is_replaced_with(self, state: ResourceState, replaced: set[str]) -> bool:
        affected = {key for key, needed in state.property_dependencies.items() if replaced & set(needed)}
        if not affected:
            return False
        inputs = {key: UNKNOWN if key in affected else value for key, value in state.inputs.items()}
        detailed = self._registry.client(state.provider).diff(state, state.urn, state.type, inputs).detailed
        detailed = forcing(without(detailed, state.ignore_changes), state.replace_on_changes)
        return bool(DiffResult(detailed).replaces)

    def _check(self, goal: Goal, old: Properties, new: Properties) -> Properties:
        result = self._ask_check(goal, old, new)
        if result.failures:
            problems = "; ".join(
                f"{one.property}: {one.reason}" if one.property else one.reason for one in result.failures
            )
            raise CheckFailed(problems)
        return result.inputs

    def _ask_check(self, goal: Goal, old: Properties, new: Properties) -> CheckResult:
        if urns.is_provider(goal.type):
            return self._registry.check(urns.package_of(goal.type), new)
        return self._client(goal).check(goal.urn, goal.type, goal.name, old, new, os.urandom(32))

    def _diff(self, goal: Goal, old: ResourceState, inputs: Properties) -> DiffResult:
        if urns.is_provider(goal.type):
            return DiffResult(structural_diff(old.inputs, inputs))
        return self._client(goal).diff(old, goal.urn, goal.type, inputs)

    def _client(self, goal: Goal) -> ProviderClient:
        return self._registry.client(goal.provider)


def _created_inputs(pending: PendingOperation | None) -> Properties:
    """The inputs of a create that was interrupted, by which its automatic name is found again."""
    return pending.resource.inputs if pending is not None and pending.type == "creating" else {}


def _plan_component(goal: Goal, old: ResourceState | None) -> Plan:
    if old is None:
        return Plan(Operation.CREATE, goal.inputs, "it is new in the program")
    wanted = paths.keep_old(goal.ignore_changes, old.inputs, goal.inputs)
    changes = property_changes(structural_diff(old.inputs, wanted), old.inputs, old.outputs, wanted)
    if changes:
        return Plan(Operation.UPDATE, wanted, f"{_listed([change.path for change in changes])} changed", changes)
    return Plan(Operation.SAME, wanted, "")


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN_PATHS])
    return f"{shown} and {len(names) - _SHOWN_PATHS} more" if len(names) > _SHOWN_PATHS else shown
