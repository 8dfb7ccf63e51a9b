"""`adfkit history`: the runs that could change a stack of the embedded engine."""

from __future__ import annotations

from dataclasses import asdict

from rich.table import Table

from adfkit.cli.deploy import Json, StackOption
from adfkit.cli.output import out, print_json
from adfkit.cli.project import LOCAL_STACK, find_project
from adfkit.cli.stacks import embedded_stack


def history(stack: StackOption = LOCAL_STACK, json: Json = False) -> None:
    """List the deployments of the stack by the embedded engine, the latest first."""
    updates = embedded_stack(find_project(), stack).history()
    if json:
        print_json([asdict(one) for one in updates])
        return
    table = Table("version", "kind", "started", "result", "changes", box=None)
    for one in updates:
        changes = ", ".join(f"{count} {operation}" for operation, count in one.resourceChanges.items())
        table.add_row(str(one.version), one.kind, one.startTime[:19].replace("T", " "), one.result, changes)
    out.print(table)
