"""The official Pulumi CLI, for stacks that it deploys: the same commands, handed on to it.

https://www.pulumi.com/docs/iac/cli/commands/
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from adfkit.engine.errors import EngineError

Command = Literal["up", "refresh", "destroy"]
HOW_TO_GET_IT: Final = (
    "The Pulumi CLI is not on the PATH, and this stack is deployed by it. Install it as "
    "https://www.pulumi.com/docs/iac/download-install/ says (a package manager, or a release archive), then log in to "
    "the backend that keeps the stack's state (`pulumi login`)."
)
_DEPLOYS: Final = frozenset({"up", "refresh", "destroy"})


def find_pulumi(environment: Mapping[str, str] | None = None) -> Path:
    """The CLI on the PATH.

    Raises:
        EngineError: there is none; the text says how to get it.
    """
    path = (os.environ if environment is None else environment).get("PATH", os.defpath)
    found = shutil.which("pulumi", path=path)
    if found is None:
        raise EngineError(HOW_TO_GET_IT)
    return Path(found)


def preview_json(stack: str, project_folder: Path, arguments: Sequence[str] = ()) -> Any:
    """What `pulumi preview --json` prints, with further arguments; its messages go to this terminal.

    Raises:
        EngineError: there is no CLI, or it failed; what it said of that has been shown.
    """
    line = [str(find_pulumi()), "preview", "--json", "--stack", stack, "--cwd", str(project_folder), *arguments]
    done = subprocess.run(line, check=False, stdout=subprocess.PIPE)
    try:
        document = json.loads(done.stdout)
    except ValueError:
        document = None
    if done.returncode != 0 or document is None:
        told = [entry.get("message", "") for entry in (document or {}).get("diagnostics", [])]
        raise EngineError("\n".join([f"`pulumi preview --stack {stack}` failed.", *told]))
    return document


def run_pulumi(
    command: Command,
    stack: str,
    project_folder: Path,
    *,
    yes: bool = False,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run a command of the CLI on a stack, on this terminal; its exit status.

    `yes` answers its question before it changes something; `arguments` are handed on as they are; `environment` is the
    CLI's whole environment, this process's where it is not given.

    Raises:
        EngineError: there is no CLI.
    """
    program = find_pulumi(environment)
    line = [str(program), command, "--stack", stack, "--cwd", str(project_folder)]
    if yes and command in _DEPLOYS:
        line.append("--yes")
    return subprocess.run([*line, *arguments], env=environment, check=False).returncode
