"""The report for people: a table of what changes, with the properties below each resource."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adfkit.preview.artifacts import artifact_of
from adfkit.preview.report import PropertyChange, Report, ResourceChange

STYLE = {"create": "green", "update": "yellow", "replace": "magenta", "delete": "red"}
SIGN = {"create": "+", "update": "~", "replace": "±", "delete": "-"}
DIFF_STYLE = {"+": "green", "-": "red", "@": "cyan"}
LONGEST_VALUE = 60


def render(report: Report, console: Console, *, details: bool) -> None:
    """Print the changed resources with their side effects, their changed properties if `details`, and the summary."""
    for change in report.destructive:
        reason = f": {change.reason}" if change.reason else ""
        console.print(
            Text(f"! {change.operation} of {change.name} ({change.type}) loses what it holds{reason}", style="bold red")
        )
    for violation in report.violations:
        style = "bold red" if violation.level == "mandatory" else "yellow"
        console.print(Text(f"! {violation.level} policy {violation.policy}: {violation.message}", style=style))
    if report.changed:
        table = Table(box=None, pad_edge=False, show_header=console.is_terminal)
        for heading in ("", "resource", "type"):
            table.add_column(heading, overflow="fold")
        for change in report.changed:
            style = STYLE.get(change.operation, "")
            sign = Text(f"{SIGN.get(change.operation, ' ')} {change.operation}", style=style)
            table.add_row(sign, Text(change.name, style="bold"), Text(change.type, style="dim"))
            for effect in change.side_effects:
                table.add_row("", Text(f"  {effect}", style="yellow"))
            artifact = artifact_of(change.type, change.before, change.after)
            if details and artifact is None and change.operation in ("update", "replace"):
                for item in change.properties:
                    table.add_row("", Text(f"  {item.path}"), _values(item))
        console.print(table)
    if details:
        for change in report.changed:
            _print_diff(change, console)
    verb = "Preview" if report.preview else "Done"
    console.print(Text.assemble((f"{verb}: ", "bold"), f"{report.summary()} in {report.seconds:.1f} s"))


def _print_diff(change: ResourceChange, console: Console) -> None:
    artifact = artifact_of(change.type, change.before, change.after)
    if artifact is None or change.operation not in ("update", "replace"):
        return
    for line in artifact.diff().splitlines():
        console.print(Text(line, style=DIFF_STYLE.get(line[:1], "")), soft_wrap=True)


def _values(item: PropertyChange) -> Text:
    if "add" in item.kind:
        return Text(f"+ {_short(item.new)}", style="green")
    if "delete" in item.kind:
        return Text(f"- {_short(item.old)}", style="red")
    return Text.assemble((_short(item.old), "red"), " → ", (_short(item.new), "green"))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
