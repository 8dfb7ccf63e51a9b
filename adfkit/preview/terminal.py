"""The report for people: a table of what changes, with the properties below each resource."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adfkit.preview.report import PropertyChange, Report

STYLE = {"create": "green", "update": "yellow", "replace": "magenta", "delete": "red"}
SIGN = {"create": "+", "update": "~", "replace": "±", "delete": "-"}
LONGEST_VALUE = 60


def render(report: Report, console: Console, *, details: bool) -> None:
    """Print the changed resources with their side effects, their changed properties if `details`, and the summary."""
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
            if details and change.operation in ("update", "replace"):
                for item in change.properties:
                    table.add_row("", Text(f"  {item.path}"), _values(item))
        console.print(table)
    verb = "Preview" if report.preview else "Done"
    console.print(Text.assemble((f"{verb}: ", "bold"), f"{report.summary()} in {report.seconds:.1f} s"))


def _values(item: PropertyChange) -> Text:
    if "add" in item.kind:
        return Text(f"+ {_short(item.new)}", style="green")
    if "delete" in item.kind:
        return Text(f"- {_short(item.old)}", style="red")
    return Text.assemble((_short(item.old), "red"), " → ", (_short(item.new), "green"))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
