"""A stack on the embedded engine: preview, up, destroy, and what it knows of its resources."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

from adfkit.engine import checkpoint as checkpoints
from adfkit.engine import dynamic, stack_reference
from adfkit.engine import urn as urns
from adfkit.engine.checkpoint import Checkpoint
from adfkit.engine.deployment import Deployment
from adfkit.engine.errors import EngineError
from adfkit.engine.events import Diagnostic, OnEvent, Recorder, Result, Summary
from adfkit.engine.history import Kind, Update, add_to_history, read_history
from adfkit.engine.lock import stack_lock
from adfkit.engine.passphrase import PassphraseCrypter
from adfkit.engine.project import (
    Config,
    Project,
    StackSettings,
    has_secrets,
    load_project,
    load_stack_settings,
    resolve_config,
)
from adfkit.engine.properties import Properties, plain, redacted
from adfkit.engine.provider import Provider, ProviderError, ProviderFactory
from adfkit.engine.redaction import Redaction
from adfkit.engine.registry import ProviderRegistry
from adfkit.engine.runtime import program_environment, run_program
from adfkit.engine.state import ResourceState, load_resource, now
from adfkit.engine.targets import Targets

PARALLEL: Final = 16


class Stack:
    """One stack of a project, with its state in a file that `pulumi stack import` takes."""

    def __init__(
        self,
        name: str,
        project_folder: Path,
        state_file: Path,
        passphrase: str,
        providers: ProviderFactory,
        parallel: int = PARALLEL,
    ) -> None:
        """Open; nothing is read before it is asked for.

        `passphrase` encrypts the secrets in the state and opens those in the stack's settings file; `providers` makes
        the providers of the packages that the program uses (dynamic providers are the engine's own).
        """
        self.name = name
        self.project_folder = project_folder.absolute()  # a run changes the working directory
        self.state_file = state_file.absolute()
        self._passphrase = passphrase
        self._providers = providers
        self._parallel = parallel

    def preview(self, on_event: OnEvent = lambda _: None, *, targets: Iterable[str] = ()) -> Result:
        """Run the program and tell what an `up` would change; nothing is changed.

        `targets` limits the run to some resources, by URN or by name; `*` stands for any text in them.

        Raises:
            EngineError: the project, the stack's settings or the state cannot be read.
        """
        return self._run(on_event, "update", preview=True, work=self._up, targets=targets)

    def up(self, on_event: OnEvent = lambda _: None, *, targets: Iterable[str] = ()) -> Result:
        """Run the program and bring its resources about; what failed or was cut off is taken up by the next `up`.

        `targets` as for `preview`: other resources stay as they are, and new ones are not made.

        Raises:
            EngineError: as `preview`, or another deployment of this stack is running.
        """
        return self._run(on_event, "update", preview=False, work=self._up, targets=targets)

    def refresh(
        self, on_event: OnEvent = lambda _: None, *, preview: bool = False, targets: Iterable[str] = ()
    ) -> Result:
        """Take into the state what its resources are like now; neither they nor the program are touched.

        Raises:
            EngineError: as `up`.
        """
        return self._run(on_event, "refresh", preview=preview, work=self._refresh, targets=targets)

    def destroy(
        self, on_event: OnEvent = lambda _: None, *, preview: bool = False, targets: Iterable[str] = ()
    ) -> Result:
        """Delete all resources of the stack, or the targets alone; the program does not run.

        Raises:
            EngineError: as `up`.
        """
        return self._run(on_event, "destroy", preview=preview, work=self._destroy, targets=targets)

    def history(self) -> list[Update]:
        """The runs that could change the stack, the latest first."""
        return read_history(self.state_file)

    def outputs(self, show_secrets: bool = False) -> dict[str, Any]:
        """The stack's outputs; secrets are `[secret]` unless asked for."""
        for state in self.resources():
            if state.type == urns.STACK_TYPE:
                outputs: dict[str, Any] = plain(state.outputs) if show_secrets else redacted(state.outputs)
                return outputs
        return {}

    def resources(self) -> list[ResourceState]:
        """The resources in the state, in dependency order."""
        deployment = checkpoints.read(self.state_file)
        if deployment is None:
            return []
        crypter = self._state_crypter(deployment, None)
        return [load_resource(one, crypter) for one in deployment.get("resources") or []]

    def _outputs_of(self, stack: str) -> Properties | None:
        """The outputs of a stack of the same project, whose state lies beside this one's."""
        file = self.state_file.with_name(f"{stack}{self.state_file.suffix}")
        if not file.exists():
            return None
        other = Stack(stack, self.project_folder, file, self._passphrase, self._providers)
        return next((state.outputs for state in other.resources() if state.type == urns.STACK_TYPE), {})

    def _state_crypter(self, deployment: dict[str, Any] | None, settings: StackSettings | None) -> PassphraseCrypter:
        """The key of the state's secrets: its own salt, else that of the stack's settings, else a new one."""
        salt = checkpoints.salt_line(deployment, self.state_file) if deployment is not None else None
        if salt is None and settings is not None:
            salt = settings.encryption_salt
        return PassphraseCrypter(self._passphrase, salt)

    def _config(self, project: Project, settings: StackSettings, crypter: PassphraseCrypter) -> Config:
        if any(has_secrets(value) for value in settings.config.values()):
            if settings.encryption_salt is None:
                raise EngineError(f"{settings.path} has secrets, and no `encryptionsalt` to open them with.")
            if settings.encryption_salt != crypter.salt_line:
                crypter = PassphraseCrypter(self._passphrase, settings.encryption_salt)
        return resolve_config(project, settings, crypter)

    def _run(
        self,
        on_event: OnEvent,
        kind: Kind,
        *,
        preview: bool,
        work: Callable[[Project, Config, Deployment], None],
        targets: Iterable[str],
    ) -> Result:
        began, start_time = time.monotonic(), now()
        project = load_project(self.project_folder)
        settings = load_stack_settings(project, self.name)
        with nullcontext() if preview else stack_lock(self.state_file):
            document = checkpoints.read(self.state_file)
            crypter = self._state_crypter(document, settings)
            config = self._config(project, settings, crypter)
            checkpoint = Checkpoint(None if preview else self.state_file, crypter, document)
            redaction = Redaction()
            recorder = Recorder(on_event, redaction)
            deployment = Deployment(
                stack=self.name,
                project=project.name,
                config=config,
                checkpoint=checkpoint,
                registry=ProviderRegistry(self._factory(project, config)),
                recorder=recorder,
                redaction=redaction,
                preview=preview,
                parallel=self._parallel,
                targets=Targets(targets),
            )
            _tell_of_interruption(checkpoint, deployment)
            try:
                work(project, config, deployment)
            finally:
                _save(checkpoint, deployment)
            result = _result(recorder, checkpoint, preview, time.monotonic() - began)
            if not preview:
                add_to_history(self.state_file, kind, start_time, result)
        deployment.emit(Summary(result))
        return result

    def _factory(self, project: Project, config: Config) -> ProviderFactory:
        built_in: dict[str, Provider] = {
            dynamic.PACKAGE: dynamic.DynamicProvider(project.name, config.values, project.folder),
            stack_reference.PACKAGE: stack_reference.StackReferences(project.name, self._outputs_of),
        }

        def make(package: str, version: str) -> Provider:
            own = built_in.get(package)
            return self._providers(package, version) if own is None else own

        return make

    def _up(self, project: Project, config: Config, deployment: Deployment) -> None:
        run_program(project, self.name, config, deployment)
        if not deployment.failed:
            with program_environment(project):
                _reporting(deployment, deployment.delete_rest)

    def _destroy(self, project: Project, config: Config, deployment: Deployment) -> None:
        with program_environment(project):
            _reporting(deployment, deployment.delete_rest)

    def _refresh(self, project: Project, config: Config, deployment: Deployment) -> None:
        with program_environment(project):
            _reporting(deployment, deployment.refresh)


def _reporting(deployment: Deployment, work: Callable[[], None]) -> None:
    try:
        work()
    except KeyboardInterrupt:
        deployment.fail("Interrupted; what was under way has finished and is saved.")
    except (EngineError, ProviderError) as error:
        deployment.fail(str(error))


def _save(checkpoint: Checkpoint, deployment: Deployment) -> None:
    try:
        checkpoint.save()
    except EngineError as error:
        if not deployment.failed:  # else a step could not be saved, and said so
            deployment.fail(str(error))


def _tell_of_interruption(checkpoint: Checkpoint, deployment: Deployment) -> None:
    for operation in checkpoint.interrupted:
        deployment.emit(
            Diagnostic(
                "warning",
                f"An earlier run was interrupted while {operation.type} this resource; it is taken up again.",
                operation.resource.urn,
            )
        )


def _result(recorder: Recorder, checkpoint: Checkpoint, preview: bool, seconds: float) -> Result:
    outputs: dict[str, Any] = {}
    for state in checkpoint.resources():
        if state.type == urns.STACK_TYPE:
            outputs = redacted(state.outputs)
    return Result(
        ok=not recorder.failed,
        preview=preview,
        changes=recorder.counts(),
        steps=recorder.redacted_steps(),
        outputs=outputs,
        diagnostics=list(recorder.diagnostics),
        seconds=seconds,
    )
