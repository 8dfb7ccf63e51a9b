"""A stack and the engine that deploys it: the embedded one for `local`, the Pulumi CLI for the others."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from adfkit.cli.project import LOCAL_STACK, CliError, Project

if TYPE_CHECKING:
    from adfkit.engine import Stack
    from adfkit.engine.provider import Provider

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
    from adfkit.engine import Stack

    project.stack_file(stack)
    return Stack(
        name=stack,
        project_folder=project.folder,
        state_file=project.state_file(stack),
        passphrase=project.passphrase(),
        providers=_provider,
    )


@contextmanager
def offline_stack(project: Project, stack: str) -> Iterator[Stack]:
    """A stack as it would be deployed for the first time, with no Azure to ask; it can only be previewed."""
    from adfkit.engine import Stack
    from adfkit.local_azure.provider import OfflineProvider

    project.stack_file(stack)
    with TemporaryDirectory() as folder:
        yield Stack(
            name=stack,
            project_folder=project.folder,
            state_file=Path(folder) / f"{stack}.json",
            passphrase=project.passphrase(),
            providers=lambda package, version: _only_azure_native(package, version, OfflineProvider),
        )


def _provider(package: str, version: str) -> Provider:
    from adfkit.local_azure.provider import AzureNativeProvider

    return _only_azure_native(package, version, AzureNativeProvider)


def _only_azure_native(package: str, version: str, provider: Callable[[], Provider]) -> Provider:
    from adfkit.engine.provider import ProviderError

    if package != "azure-native":
        raise ProviderError(
            f"the embedded engine has no provider for the package '{package}' {version}: "
            "deploy such a stack with `--engine pulumi`."
        )
    return provider()


def stack_outputs(project: Project, stack: str) -> dict[str, Any]:
    """The outputs of a deployed stack, of whichever engine deployed it; empty where it is not deployed.

    Raises:
        CliError: the Pulumi CLI has no such stack, or refuses.
    """
    if engine_of(stack, None) == "embedded" or project.state_file(stack).exists():
        return embedded_stack(project, stack).outputs()
    from adfkit.engine.pulumi_cli import find_pulumi

    line = [str(find_pulumi()), "stack", "output", "--json", "--stack", stack, "--cwd", str(project.folder)]
    done = subprocess.run(line, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise CliError(done.stderr.strip().removeprefix("error: "))
    outputs: dict[str, Any] = json.loads(done.stdout)
    return outputs
