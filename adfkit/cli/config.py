"""`adfkit config`: a stack's configuration in its settings file, comments kept, secrets encrypted."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from adfkit.cli.deploy import Json, StackOption
from adfkit.cli.output import out, print_json
from adfkit.cli.project import LOCAL_STACK, CliError, find_project

if TYPE_CHECKING:
    from adfkit.engine.configuration import Configuration

app = typer.Typer(help="Read and change the configuration of a stack.", no_args_is_help=True)
KeyArgument = Annotated[str, typer.Argument(help="<namespace>:<key>, or <key> for the project's own.")]
PathOption = Annotated[bool, typer.Option("--path", help="The key goes on into a structured value: a:b.c.")]
SHARED_PASSPHRASE = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


@app.command("get")
def get_value(key: KeyArgument, stack: StackOption = LOCAL_STACK, path: PathOption = False) -> None:
    """Print a value, decrypted where it is secret."""
    out.print(_configuration(stack).get(key, path=path).value, markup=False, soft_wrap=True)


@app.command("set")
def set_value(
    key: KeyArgument,
    value: Annotated[str | None, typer.Argument(help="The value; read from standard input where not given.")] = None,
    stack: StackOption = LOCAL_STACK,
    secret: Annotated[bool, typer.Option("--secret", help="Encrypt it.")] = False,
    path: PathOption = False,
) -> None:
    """Set a value."""
    if secret and stack != LOCAL_STACK and not any(name in os.environ for name in SHARED_PASSPHRASE):
        raise CliError(f"set PULUMI_CONFIG_PASSPHRASE to the passphrase of the stack '{stack}', for others to open it.")
    _configuration(stack).set(key, _given(key, value), secret=secret, path=path)


@app.command("rm")
def remove_value(key: KeyArgument, stack: StackOption = LOCAL_STACK, path: PathOption = False) -> None:
    """Take a value out."""
    _configuration(stack).remove(key, path=path)


@app.command("list")
def list_values(
    stack: StackOption = LOCAL_STACK,
    json: Json = False,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Show secrets in plain.")] = False,
) -> None:
    """List all values."""
    values = {
        key: {"value": "[secret]" if one.secret and not show_secrets else one.value, "secret": one.secret}
        for key, one in _configuration(stack).values().items()
    }
    if json:
        print_json(values)
        return
    for key, one in values.items():
        out.print(f"{key:<36} {one['value']}", markup=False, soft_wrap=True)


def _configuration(stack: str) -> Configuration:
    from adfkit.engine.configuration import Configuration

    project = find_project()
    project.stack_file(stack)
    return Configuration(stack, project.folder, project.passphrase())


def _given(key: str, value: str | None) -> str:
    if value is not None:
        return value
    if sys.stdin.isatty():
        answer: str = typer.prompt(key, hide_input=True)
        return answer
    return sys.stdin.read().removesuffix("\n")
