"""`adfkit preview`, `up` and `destroy`: a stack, changed by its engine, and the report of what changes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from adfkit.cli.output import as_json, err, fail, out, print_json
from adfkit.cli.project import LOCAL_STACK, CliError, find_project
from adfkit.cli.stacks import embedded_stack, engine_of, offline_stack, stack_outputs

if TYPE_CHECKING:
    from adfkit.engine import Event, Result, StepFinished
    from adfkit.preview.report import Report

Action = Literal["preview", "up", "refresh", "destroy"]
Format = Literal["terminal", "markdown", "json"]
WIDTH = 200
"""Of the lines in a file."""
StackOption = Annotated[str, typer.Option("--stack", "-s", help="The stack.")]
EngineOption = Annotated[str | None, typer.Option("--engine", help="embedded (for the stack local) or pulumi.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Target = Annotated[
    list[str] | None,
    typer.Option("--target", "-t", help="Only this resource, by its name or URN (`*` for any text); may be repeated."),
]


def preview(
    stack: StackOption = LOCAL_STACK,
    engine: EngineOption = None,
    json: Json = False,
    format: Annotated[Format, typer.Option("--format", help="How the report is printed.")] = "terminal",
    out_file: Annotated[Path | None, typer.Option("--out", help="Write the report to a file instead.")] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Preview a first deployment, without asking any Azure.")
    ] = False,
    target: Target = None,
) -> None:
    """Show what `adfkit up` would change, and why."""
    show = Show("json" if json else format, out_file)
    if offline:
        show(offline_report(stack, quiet=show.quiet, targets=target or []))
    elif _uses_pulumi(stack, engine):
        show(_pulumi_report(stack, _target_options(target)))
    else:
        show(apply_stack(stack, "preview", quiet=show.quiet, targets=target or []))


def up(
    stack: StackOption = LOCAL_STACK,
    engine: EngineOption = None,
    json: Json = False,
    yes: Yes = False,
    target: Target = None,
) -> None:
    """Deploy the stack: infrastructure, code packages and Data Factory artifacts."""
    if stack != LOCAL_STACK and not yes and not json and engine_of(stack, engine) == "embedded":
        typer.confirm(f"Deploy the stack {stack}?", abort=True)
    _run(stack, "up", engine, json=json, yes=yes, target=target)


def refresh(
    stack: StackOption = LOCAL_STACK,
    engine: EngineOption = None,
    json: Json = False,
    yes: Yes = False,
    target: Target = None,
) -> None:
    """Take into the state what the stack's resources are like now; the resources stay as they are."""
    _run(stack, "refresh", engine, json=json, yes=yes, target=target)


def destroy(
    stack: StackOption = LOCAL_STACK,
    engine: EngineOption = None,
    json: Json = False,
    yes: Yes = False,
    target: Target = None,
) -> None:
    """Delete everything that the stack deployed."""
    if engine_of(stack, engine) == "embedded" and not yes:
        what = f"{', '.join(target)} of the stack {stack}" if target else f"everything that the stack {stack} deployed"
        typer.confirm(f"Delete {what}?", abort=True)
    _run(stack, "destroy", engine, json=json, yes=yes, target=target)


def outputs(stack: StackOption = LOCAL_STACK, json: Json = False) -> None:
    """Show what the deployed stack exports: the names and URLs of what it is made of."""
    from adfkit.cli.platform import load_platform

    found = load_platform(stack).outputs
    if json:
        print_json(dict(found))
        return
    for name, value in sorted(found.items()):
        out.print(f"{name:<28} {value}", markup=False, soft_wrap=True)


def _run(
    stack: str,
    action: Literal["up", "refresh", "destroy"],
    engine: str | None,
    *,
    json: bool,
    yes: bool = False,
    target: list[str] | None,
) -> None:
    if _uses_pulumi(stack, engine):
        from adfkit.engine.pulumi_cli import run_pulumi

        arguments = [*(["--json"] if json else []), *_target_options(target)]
        raise typer.Exit(run_pulumi(action, stack, find_project().folder, yes=yes, arguments=arguments))
    Show("json" if json else "terminal")(apply_stack(stack, action, quiet=json, targets=target or []))
    if action == "up":
        _land_samples(stack, quiet=json)


def _target_options(target: list[str] | None) -> list[str]:
    """The targets for the Pulumi CLI, which takes them by URN alone.

    Raises:
        CliError: a target is a name.
    """
    for one in target or []:
        if not one.startswith("urn:"):
            raise CliError(f"--target: the Pulumi CLI takes URNs, and '{one}' is none.")
    return [argument for one in target or [] for argument in ("--target", one)]


def _land_samples(stack: str, *, quiet: bool) -> None:
    """Put samples into source folders that are empty, where the stack is to have sample data."""
    from adfkit.cli.platform import load_platform
    from adfkit.cli.sample import upload_samples

    platform = load_platform(stack)
    if platform.outputs.get("sample_data"):
        for blob in upload_samples(platform, find_project().folder, refresh=False):
            if not quiet:
                err.print(f"  sample    {blob}", markup=False)


def _uses_pulumi(stack: str, engine: str | None) -> bool:
    """Whether the Pulumi CLI deploys the stack; then local Azure is entered, where the stack is local."""
    project = find_project()
    project.stack_file(stack)
    if engine_of(stack, engine) == "embedded":
        return False
    if stack == LOCAL_STACK:
        from adfkit.cli.local import enter_local_azure

        enter_local_azure(project)
    return True


def _pulumi_report(stack: str, arguments: list[str]) -> Report:
    from adfkit.engine.pulumi_cli import preview_json
    from adfkit.preview.pulumi_json import PreviewError, read

    with err.status("pulumi preview ..."):
        document = preview_json(stack, find_project().folder, arguments)
    try:
        report = replace(read(stack, document), names=_role_names())
    except PreviewError as error:
        raise CliError(str(error)) from error
    return _with_side_effects(report)


@dataclass(frozen=True, slots=True)
class Show:
    """Prints a report in a format, or writes it to a file."""

    format: Format
    file: Path | None = None

    @property
    def quiet(self) -> bool:
        """Whether standard output is for the report alone."""
        return self.format != "terminal"

    def __call__(self, report: Report) -> None:
        """Print it.

        Raises:
            CliError: the file can't be written.
        """
        if self.file is None:
            self._render(report, out)
            return
        try:
            with self.file.open("w", encoding="utf-8") as file:
                self._render(report, Console(file=file, width=WIDTH, highlight=False))
        except OSError as error:
            raise CliError(f"--out: {self.file} can't be written: {error.strerror}.") from error
        err.print(Text(f"{report.summary()}: {self.file}"), soft_wrap=True)

    def _render(self, report: Report, console: Console) -> None:
        from adfkit.preview import markdown, terminal

        match self.format:
            case "json":
                console.file.write(as_json(report.as_json()))
            case "markdown":
                console.file.write(markdown.render(report))
            case "terminal":
                terminal.render(report, console, details=True)


def offline_report(stack: str, *, quiet: bool = False, targets: Sequence[str] = ()) -> Report:
    """What a first deployment of the stack would create, as far as the program alone can tell.

    Raises:
        CliError: the program fails; the errors have been printed.
    """
    with offline_stack(find_project(), stack) as opened, Progress(quiet=quiet) as progress:
        result = opened.preview(progress.on_event, targets=targets)
    _check(stack, "preview", result)
    return report_of(stack, result)


def apply_stack(stack: str, action: Action, *, quiet: bool = False, targets: Sequence[str] = ()) -> Report:
    """Run an action of the embedded engine, with progress; returns the report.

    Raises:
        CliError: it failed; the errors have been printed, each with where it was raised.
    """
    project = find_project()
    if stack == LOCAL_STACK:
        from adfkit.cli.local import enter_local_azure

        enter_local_azure(project)
    opened = embedded_stack(project, stack)
    with Progress(quiet=quiet) as progress:
        actions = {
            "preview": opened.preview,
            "up": opened.up,
            "refresh": opened.refresh,
            "destroy": opened.destroy,
        }
        result = actions[action](progress.on_event, targets=targets)
    _check(stack, action, result)
    report = report_of(stack, result)
    return _with_side_effects(report) if action == "preview" else report


def _with_side_effects(report: Report) -> Report:
    """A preview that tells which triggers are stopped meanwhile; the factory knows, where there is one yet."""
    from adfkit.cli.platform import Platform
    from adfkit.cli.side_effects import told

    outputs = stack_outputs(find_project(), report.stack)
    return told(report, Platform(report.stack, outputs)) if outputs else report


def _check(stack: str, action: Action, result: Result) -> None:
    for error in result.errors:
        where = f"{error.location}: " if error.location else ""
        what = f"{_name(error.urn)}: " if error.urn else ""
        fail(f"{where}{what}{error.message}")
    if not result.ok:
        kept = "" if result.preview else "; what was done is kept: once mended, the same command goes on from there"
        raise CliError(f"{action} of the stack '{stack}' failed{kept}.")


def report_of(stack: str, result: Result) -> Report:
    """The engine's result as the report that renderers take."""
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
            reason=step.reason,
            before=step.before,
            after=step.after,
        )
        for step in result.steps
    ]
    return Report(stack, result.preview, changes, result.seconds, dict(result.outputs), names=_role_names())


def _role_names() -> dict[str, str]:
    from adfkit.local_azure.identity.roles import ROLES

    return {id: role.role_name for id, role in ROLES.items()}


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
