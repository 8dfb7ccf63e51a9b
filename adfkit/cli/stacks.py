"""A stack and the engine that deploys it: the embedded one for `local`, the Pulumi CLI for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from adfkit.cli.project import LOCAL_STACK, CliError, Project

if TYPE_CHECKING:
    from adfkit.engine.deployment import Stack

Engine = Literal["embedded", "pulumi"]


def engine_of(stack: str, asked: str | None) -> Engine:
    """The engine that was asked for, else the stack's own.

    Raises:
        CliError: there is no such engine.
    """
    match asked or ("embedded" if stack == LOCAL_STACK else "pulumi"):
        case "embedded":
            return "embedded"
        case "pulumi":
            return "pulumi"
        case other:
            raise CliError(f"--engine: there is no engine '{other}'; it is embedded or pulumi.")


def embedded_stack(project: Project, stack: str) -> Stack:
    """A stack of the embedded engine, its azure-native resources deployed by plain ARM calls."""
    from adfkit.engine.deployment import Stack
    from adfkit.local_azure.provider import provider_factory

    project.stack_file(stack)
    return Stack(
        name=stack,
        project_folder=project.folder,
        state_file=project.state_file(stack),
        passphrase=project.passphrase(),
        providers=provider_factory,
    )
