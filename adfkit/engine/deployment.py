"""One run over a stack: registrations are decided, executed and saved one by one, as the program makes them."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adfkit.engine import urn as urns
from adfkit.engine.checkpoint import Checkpoint
from adfkit.engine.deletion import Deletion
from adfkit.engine.errors import EngineError, RunStopped, StepFailed
from adfkit.engine.events import Diagnostic, Event, Operation, Recorder, ResourcePlanned, StepFinished, StepStarted
from adfkit.engine.goal import Goal, alias_urns
from adfkit.engine.planner import Plan, Planner
from adfkit.engine.project import Config
from adfkit.engine.properties import UNKNOWN, Properties, Secret, with_secret_keys
from adfkit.engine.provider import CreateResult, PartialCreateError, ProviderError
from adfkit.engine.redaction import Redaction
from adfkit.engine.refresh import Refresh
from adfkit.engine.registry import ProviderClient, ProviderRegistry, with_version
from adfkit.engine.state import PendingOperation, ResourceState
from adfkit.engine.targets import Targets


class Deployment:
    """The steps of one run. Methods are called from the threads of the program's requests."""

    def __init__(
        self,
        *,
        stack: str,
        project: str,
        config: Config,
        checkpoint: Checkpoint,
        registry: ProviderRegistry,
        recorder: Recorder,
        redaction: Redaction,
        preview: bool,
        parallel: int,
        targets: Targets | None = None,
    ) -> None:
        self.stack = stack
        self.project = project
        self.config = config
        self.checkpoint = checkpoint
        self.registry = registry
        self.preview = preview
        self.parallel = parallel
        self.targets = targets or Targets()
        self._skipped: set[str] = set()  # what is new and no target, so is not made
        checkpoint.partial = bool(self.targets)
        self._recorder = recorder
        self._redaction = redaction
        self._planner = Planner(registry)
        self._registered: dict[str, ResourceState] = {}
        self._claimed: set[str] = set()  # URNs, of now and of before, that a registration has taken
        self._renamed: dict[str, str] = {}
        self._replaced: set[str] = set()
        self._by_urn = {state.urn: state for state in checkpoint.base if not state.delete}
        self._lock = threading.RLock()
        self._event_lock = threading.Lock()
        self._default_provider_lock = threading.Lock()
        self._default_providers: dict[tuple[str, str], str] = {}
        self._stopped = False
        redaction.learn(config.secrets())
        for state in checkpoint.base:
            redaction.learn([state.inputs, state.outputs])
            if urns.is_provider(state.type):
                registry.declare(state.urn, state.inputs)

    @property
    def stopped(self) -> bool:
        """Whether nothing more is started."""
        return self._stopped

    @property
    def failed(self) -> bool:
        """Whether an error was reported."""
        return self._recorder.failed

    def stop(self) -> None:
        """Start nothing more; what is under way finishes and is saved."""
        self._stopped = True

    def emit(self, event: Event) -> None:
        """Tell of something, one event at a time."""
        with self._event_lock:
            self._recorder.emit(event)

    def fail(self, message: str, urn: str = "", location: str = "") -> None:
        """Report an error and stop."""
        self.stop()
        self.emit(Diagnostic("error", message, urn, location))

    def registered(self, urn: str) -> ResourceState | None:
        """A resource that the program has registered in this run."""
        return self._registered.get(urn)

    def register(self, goal: Goal) -> ResourceState:
        """Decide on a resource and bring it about.

        Raises:
            RunStopped: an earlier step failed; StepFailed: this one did, and the diagnostic is reported.
        """
        self._redaction.learn(goal.inputs)
        with self._reporting(goal):
            old, old_urn = self._claim(goal)
            if not self.targets.implies(goal.urn):
                return self._leave(goal, old, old_urn)
            self._refuse_skipped(goal)
            if goal.import_id and (old is None or old.external):
                return self._import(goal, old)
            pending = self._interrupted(goal.urn, old_urn)
            if old is not None and pending is not None and pending.type == "deleting":
                old = self._unless_deleted(old)
            plan = self._planner.plan(goal, old, pending, goal.deleted_with in self._replaced)
            if not goal.internal:
                self.emit(ResourcePlanned(plan.step(goal, old, old_urn)))
            state = self._execute(goal, old, plan, pending)
            self._settle(goal, state)
            return state

    def is_skipped(self, urn: str) -> bool:
        """Whether a resource is not made, since it is new and no target."""
        return urn in self._skipped

    def _leave(self, goal: Goal, old: ResourceState | None, old_urn: str) -> ResourceState:
        """Leave what is no target as it is; the program gets what the state knows of it."""
        self.emit(ResourcePlanned(Plan(Operation.SAME, goal.inputs, "").step(goal, old, old_urn)))
        if old is None:  # the Pulumi CLI counts it among what stays the same too
            self._skipped.add(goal.urn)
            state = goal.state(goal.inputs, {})
            self._registered[goal.urn] = state
            return state
        old.urn = goal.urn
        self.checkpoint.finish(add=old, remove=old, save=False, changed=bool(old_urn))
        self._settle(goal, old)
        return old

    def _import(self, goal: Goal, old: ResourceState | None) -> ResourceState:
        """Take over what exists, unless the program wants it otherwise than it is."""
        found = self.registry.client(goal.provider).read(goal.urn, goal.type, goal.import_id, {}, {})
        if not found.id:
            raise EngineError(f"There is no {goal.type} with the id {goal.import_id} to import.")
        there = goal.state(found.inputs, found.outputs, found.id)
        plan = self._planner.plan_import(goal, there)
        self.emit(ResourcePlanned(plan.step(goal, None, "")))
        state = goal.state(plan.inputs, found.outputs, found.id)
        state.extra = {"importID": goal.import_id}
        self.checkpoint.finish(add=state, remove=old)
        self._settle(goal, state)
        return state

    def _refuse_skipped(self, goal: Goal) -> None:
        for urn in sorted(self._skipped & goal.state(goal.inputs, {}).needs()):
            raise EngineError(f"It depends on {urn}, which is new and no target. Target that too.")

    def read(self, goal: Goal, id: str) -> ResourceState:
        """Read a resource that something else manages; `id` is "" where a preview does not know it.

        Raises:
            RunStopped, StepFailed: as `register`.
        """
        with self._reporting(goal):
            old, old_urn = self._claim(goal)
            plan = Plan(Operation.READ, goal.inputs, "")
            self.emit(ResourcePlanned(plan.step(goal, old, old_urn)))
            outputs: Properties = {}
            if id:
                result = self.registry.client(goal.provider).read(goal.urn, goal.type, id, {}, goal.inputs)
                if not result.id:
                    raise EngineError(f"There is no {goal.type} with the id {id}.")
                id, outputs = result.id, result.outputs
            state = goal.state(goal.inputs, outputs, id)
            state.external = True
            replaced = old
            if old is not None and not old.external and old.id != id:
                old.delete, replaced = True, None  # what was managed under this name is another resource
                self.checkpoint.change(old, save=False)
            self.checkpoint.finish(add=state, remove=replaced)
            self._settle(goal, state)
            return state

    def register_outputs(self, urn: str, outputs: Properties) -> None:
        """Set the outputs of a component or of the stack."""
        state = self._registered.get(urn)
        if state is None:
            raise EngineError(f"Outputs were given for {urn}, which is not registered.")
        self._redaction.learn(outputs)
        changed = state.outputs != outputs
        state.outputs = outputs
        if changed:
            self.checkpoint.change(state)

    def default_provider(self, package: str, version: str) -> str:
        """The reference of the package's default provider, which is registered when first asked for."""
        with self._default_provider_lock:
            known = self._default_providers.get((package, version))
            if known is None:
                known = self._default_providers[package, version] = self._register_default(package, version)
            return known

    def _register_default(self, package: str, version: str) -> str:
        type = f"{urns.PROVIDER_PREFIX}{package}"
        name = f"default_{version.replace('.', '_').replace('-', '_').replace('+', '_')}" if version else "default"
        inputs: Properties = {
            key: Secret(value) if self.config.is_secret(package, key) else value
            for key, value in self.config.of_package(package).items()
        }
        inputs = with_version(inputs, version)
        urn = urns.create(self.stack, self.project, "", type, name)
        state = self.register(Goal(urn, type, name, custom=True, inputs=inputs, internal=True))
        return f"{urn}::{state.id or UNKNOWN.value}"

    def delete_rest(self) -> None:
        """Delete what the program did not register, in dependency order."""
        if self.targets:
            self.targets.check_deletable(self.checkpoint.left())
        Deletion(self.checkpoint, self.registry, self, self._registered, self.targets).run(self.preview, self.parallel)
        self.targets.check_met()

    def refresh(self) -> None:
        """Read what the resources are like now."""
        Refresh(self.checkpoint, self.registry, self).run(self.parallel, self.targets.__contains__)
        self.targets.check_met()

    @contextmanager
    def _reporting(self, goal: Goal) -> Iterator[None]:
        """Refuse when stopped; turn an error into a diagnostic, once."""
        if self._stopped:
            raise RunStopped
        try:
            yield
        except StepFailed:
            raise
        except (EngineError, ProviderError) as error:
            if goal.internal:
                self._claimed.discard(goal.urn)
                raise  # whoever asked for the default provider reports it
            if not isinstance(error, RunStopped):
                self.fail(str(error), goal.urn, goal.location)
            raise StepFailed(str(error)) from error

    def _claim(self, goal: Goal) -> tuple[ResourceState | None, str]:
        """The resource's state of before, and its URN of then where that was another."""
        with self._lock:
            if goal.urn in self._claimed:
                raise EngineError(f"Two resources have the URN {goal.urn}; give one of them another name.")
            self._claimed.add(goal.urn)
            found = self._by_urn.get(goal.urn)
            if found is not None:
                return found, ""
            parent_before = self._renamed.get(goal.parent, "")
            for alias in alias_urns(goal, self.stack, self.project, parent_before):
                found = self._by_urn.get(alias)
                if found is not None and alias not in self._claimed:
                    self._claimed.add(alias)
                    self._renamed[goal.urn] = alias
                    self.checkpoint.rename(alias, goal.urn)
                    return found, alias
            return None, ""

    def _interrupted(self, urn: str, old_urn: str) -> PendingOperation | None:
        for operation in self.checkpoint.interrupted:
            if operation.resource.urn in (urn, old_urn):
                return operation
        return None

    def _unless_deleted(self, old: ResourceState) -> ResourceState | None:
        """The resource, unless the delete that an earlier run was interrupted in took place."""
        client = self.registry.client(old.provider)
        if client.read(old.urn, old.type, old.id, old.inputs, old.outputs).id:
            return old
        self.checkpoint.finish(remove=old)
        return None

    def _settle(self, goal: Goal, state: ResourceState) -> None:
        self._redaction.learn(state.outputs)
        with self._lock:
            self._registered[goal.urn] = state
        if urns.is_provider(goal.type):
            self.registry.declare(goal.urn, state.inputs)

    def _execute(
        self, goal: Goal, old: ResourceState | None, plan: Plan, pending: PendingOperation | None
    ) -> ResourceState:
        match plan.operation:
            case Operation.CREATE:
                return self._create(goal, plan, old, Operation.CREATE, pending)
            case Operation.REPLACE:
                return self._replace(goal, plan, _present(old), pending)
            case Operation.UPDATE:
                return self._update(goal, plan, _present(old))
            case _:
                return self._keep(goal, plan, _present(old))

    def _keep(self, goal: Goal, plan: Plan, old: ResourceState) -> ResourceState:
        """Nothing to do but note new options and dependencies; saved with the next step, or at the end."""
        outputs = plan.inputs if urns.is_provider(goal.type) else old.outputs
        state = goal.state(plan.inputs, outputs, old.id, old)
        self.checkpoint.finish(add=state, remove=old, save=False, changed=not state.equals(old))
        return state

    def _create(
        self,
        goal: Goal,
        plan: Plan,
        old: ResourceState | None,
        operation: Operation,
        pending: PendingOperation | None,
        keep_old: bool = False,
    ) -> ResourceState:
        """Create; `old` leaves the state in the same save, or (`keep_old`) stays in it to be deleted at the end."""
        timeout = goal.custom_timeouts.get("create", 0)

        def create(client: ProviderClient) -> CreateResult:
            if not self.preview and pending is not None and pending.type == "creating":
                recovered = client.recover(goal.urn, goal.type, goal.name, plan.inputs, timeout)
                if recovered is not None:
                    return recovered
            return client.create(goal.urn, goal.type, goal.name, plan.inputs, self.preview, timeout)

        def finish(started: PendingOperation | None, state: ResourceState) -> None:
            if keep_old and old is not None:
                old.delete = True
                self.checkpoint.change(old, save=False)
            self.checkpoint.finish(started, add=state, remove=None if keep_old else old)

        return self._step(goal, plan, operation, "creating", None, create, finish)

    def _update(self, goal: Goal, plan: Plan, old: ResourceState) -> ResourceState:
        def update(client: ProviderClient) -> CreateResult:
            timeout = goal.custom_timeouts.get("update", 0)
            outputs = client.update(old, goal.urn, goal.type, plan.inputs, self.preview, timeout)
            return CreateResult(old.id, outputs)

        def finish(started: PendingOperation | None, state: ResourceState) -> None:
            self.checkpoint.finish(started, add=state, remove=old)

        return self._step(goal, plan, Operation.UPDATE, "updating", old, update, finish)

    def _replace(self, goal: Goal, plan: Plan, old: ResourceState, pending: PendingOperation | None) -> ResourceState:
        self._replaced.add(goal.urn)
        delete_before = plan.delete_before and not old.pending_replacement
        if delete_before:
            deletion = Deletion(self.checkpoint, self.registry, self, self._registered)
            dependents = self._planner.replaced_with(old, self.checkpoint.resources())
            for dependent in dependents:
                if dependent.urn not in self.targets:
                    raise EngineError(f"{dependent.urn} would be replaced together with it, and is no target.")
            for dependent in reversed(dependents):
                deletion.make_room(dependent, self.preview)
            deletion.make_room(old, self.preview)
        keep_old = not plan.delete_before and not old.pending_replacement
        return self._create(goal, plan, old, Operation.CREATE_REPLACEMENT, pending, keep_old)

    def _step(
        self,
        goal: Goal,
        plan: Plan,
        operation: Operation,
        kind: str,
        old: ResourceState | None,
        work: Callable[[ProviderClient], CreateResult],
        finish: Callable[[PendingOperation | None, ResourceState], None],
    ) -> ResourceState:
        """Do one step with its events, its note of what is under way, and its save."""
        if not goal.custom or urns.is_provider(goal.type):
            state = _without_provider(goal, plan, old, self.preview)
            finish(None, state)
            return state
        client = self.registry.client(goal.provider)
        if self.preview:
            result = work(client)
            state = goal.state(plan.inputs, result.outputs, result.id, old)
            finish(None, state)
            return state
        with self.timed(operation, goal.urn):
            self.checkpoint.settle(goal.urn)
            started = self.checkpoint.begin(kind, goal.state(plan.inputs, {}, old.id if old else "", old))
            try:
                result = work(client)
            except PartialCreateError as error:
                state = goal.state(plan.inputs, error.outputs, error.id, old)
                state.init_errors = [str(error)]
                finish(started, state)
                raise
            except BaseException:
                self.checkpoint.finish(started)
                raise
            state = goal.state(plan.inputs, result.outputs, result.id, old)
            finish(started, state)
        return state

    @contextmanager
    def timed(self, operation: Operation, urn: str) -> Iterator[None]:
        """Tell of a step's begin and end."""
        type, name = urns.type_of(urn), urns.name_of(urn)
        self.emit(StepStarted(operation, urn, type, name))
        began = time.monotonic()
        try:
            yield
        except BaseException as error:
            self.emit(StepFinished(operation, urn, type, name, time.monotonic() - began, str(error)))
            raise
        self.emit(StepFinished(operation, urn, type, name, time.monotonic() - began))


def _without_provider(goal: Goal, plan: Plan, old: ResourceState | None, preview: bool) -> ResourceState:
    """The state of a component, which is nothing but its place in the tree, or of a provider, which is its inputs."""
    if not goal.custom:
        return goal.state(plan.inputs, old.outputs if old is not None else {}, "", old)
    id = old.id if old is not None else "" if preview else str(uuid.uuid4())
    return goal.state(plan.inputs, with_secret_keys(plan.inputs, goal.additional_secret_outputs), id, old)


def _present(old: ResourceState | None) -> ResourceState:
    if old is None:
        raise EngineError("A step that changes a resource was planned for one that does not exist.")
    return old
