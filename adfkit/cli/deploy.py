"""`adfkit preview`, `up` and `destroy`: a stack, changed by its engine, and the report of what changes."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from adfkit.cli.output import err, fail, out, print_json
from adfkit.cli.project import LOCAL_STACK, CliError, find_project
from adfkit.cli.stacks import embedded_stack, engine_of

if TYPE_CHECKING:
    from adfkit.engine import Event, Result, StepFinished
    from adfkit.preview.report import Report

Action = Literal["preview", "up", "destroy"]
StackOption = Annotated[str, typer.Option("--stack", "-s", help="The stack.")]
EngineOption = Annotated[str | None, typer.Option("--engine", help="embedded (for the stack local) or pulumi.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def preview(stack: StackOption = LOCAL_STACK, engine: EngineOption = None, json: Json = False) -> None:
    """Show what `adfkit up` would change, and why."""
    _run(stack, "preview", engine, json=json)


def up(stack: StackOption = LOCAL_STACK, engine: EngineOption = None, json: Json = False, yes: Yes = False) -> None:
    """Deploy the stack: infrastructure, code packages and Data Factory artifacts."""
    if stack != LOCAL_STACK and not yes and not json and engine_of(stack, engine) == "embedded":
        typer.confirm(f"Deploy the stack {stack}?", abort=True)
    _run(stack, "up", engine, json=json, yes=yes)


def destroy(
    stack: StackOption = LOCAL_STACK, engine: EngineOption = None, json: Json = False, yes: Yes = False
) -> None:
    """Delete everything that the stack deployed."""
    if engine_of(stack, engine) == "embedded" and not yes:
        typer.confirm(f"Delete everything that the stack {stack} deployed?", abort=True)
    _run(stack, "destroy", engine, json=json, yes=yes)


def outputs(stack: StackOption = LOCAL_STACK, json: Json = False) -> None:
    """Show what the deployed stack exports: the names and URLs of what it is made of."""
    from adfkit.cli.platform import load_platform

    found = load_platform(stack).outputs
    if json:
        print_json(dict(found))
        return
    for name, value in sorted(found.items()):
        out.print(f"{name:<28} {value}", markup=False, soft_wrap=True)


def _run(stack: str, action: Action, engine: str | None, *, json: bool, yes: bool = False) -> None:
    project = find_project()
    project.stack_file(stack)
    if engine_of(stack, engine) == "pulumi":
        from adfkit.engine.pulumi_cli import run_pulumi

        if stack == LOCAL_STACK:
            from adfkit.cli.local import enter_local_azure

            enter_local_azure(project)
        raise typer.Exit(run_pulumi(action, stack, project.folder, yes=yes, arguments=["--json"] if json else []))
    from adfkit.preview.terminal import render

    report = apply_stack(stack, action, quiet=json)
    if json:
        print_json(report.as_json())
    else:
        render(report, out, details=True)


def apply_stack(stack: str, action: Action, *, quiet: bool = False) -> Report:
    """Run an action of the embedded engine, with progress; returns the report.

    Raises:
        CliError: it failed; the errors have been printed, each with where it was raised.
    """
    from adfkit.cli.platform import Platform
    from adfkit.cli.side_effects import of_steps

    project = find_project()
    if stack == LOCAL_STACK:
        from adfkit.cli.local import enter_local_azure

        enter_local_azure(project)
    opened = embedded_stack(project, stack)
    with Progress(quiet=quiet) as progress:
        actions = {"preview": opened.preview, "up": opened.up, "destroy": opened.destroy}
        result = actions[action](progress.on_event)
    for error in result.errors:
        where = f"{error.location}: " if error.location else ""
        what = f"{_name(error.urn)}: " if error.urn else ""
        fail(f"{where}{what}{error.message}")
    if not result.ok:
        kept = "" if result.preview else "; what was done is kept: once mended, the same command goes on from there"
        raise CliError(f"{action} of the stack '{stack}' failed{kept}.")
    outputs = opened.outputs() if action == "preview" else {}
    return report_of(stack, result, of_steps(Platform(stack, outputs), result.steps) if outputs else {})


def report_of(stack: str, result: Result, side_effects: Mapping[str, tuple[str, ...]]) -> Report:
    """The engine's result as the report that renderers take; side effects are given by URN."""
    from adfkit.preview.report import PropertyChange, Report, ResourceChange

    changes = [
        ResourceChange(
            operation=step.operation.value,
            urn=step.urn,
            type=step.type,
            name=step.name,
            properties=tuple(
                PropertyChange(change.path, change.kind.value, change.old, change.new) for change in step.changes
            ),
            side_effects=side_effects.get(step.urn, ()),
        )
        for step in result.steps
    ]
    return Report(stack, result.preview, changes, result.seconds, dict(result.outputs))


class Progress:
    """Tells each finished step on a line, and on a terminal what is under way."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._status = err.status("Reading the program ...")
        self._running: dict[str, str] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Progress:
        if not self._quiet:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def on_event(self, event: Event) -> None:
        """Take one event of the engine, from any of its threads."""
        from adfkit.engine import Diagnostic, StepFinished, StepStarted

        with self._lock:
            match event:
                case StepStarted():
                    self._running[event.urn] = event.name
                case StepFinished():
                    self._running.pop(event.urn, None)
                    if not self._quiet and not event.error:
                        self._tell(event)
                case Diagnostic(severity="warning") if not self._quiet:
                    err.print(Text(f"warning: {event.message}", style="yellow"))
                case _:
                    return
            self._status.update(", ".join(sorted(self._running.values())) or "...")

    def _tell(self, event: StepFinished) -> None:
        line = Text.assemble(
            f"  {event.operation.value:<9}",
            (event.name, "bold"),
            f"  {event.type}",
            (f"  {event.seconds:.1f} s", "dim"),
        )
        err.print(line, soft_wrap=True)


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]
