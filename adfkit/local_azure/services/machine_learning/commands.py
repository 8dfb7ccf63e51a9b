"""The command line of a step: placeholders filled in, and what to tell of one that failed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from adfkit.local_azure.services.machine_learning import errors

PLACEHOLDER: Final = re.compile(r"\$\{\{\s*(inputs|outputs)\.(\w+)\s*\}\}")
OPTIONAL: Final = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
TAIL: Final = 1500
"""Characters of the log's end that an error quotes."""


def fill(command: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    """The command for a shell: each `${{inputs.x}}` and `${{outputs.x}}` becomes one quoted word.

    A section `$[[...]]` is left out where it holds an input that was not given.

    Raises:
        AzureError: 400 where a placeholder outside of such a section has no value.
    """
    values = {"inputs": inputs, "outputs": outputs}

    def word(match: re.Match[str]) -> str:
        value = values[match[1]].get(match[2])
        if value is None:
            raise errors.validation(f"The command names '{match[0]}', which has no value.", "command")
        return shlex.quote(value)

    def section(match: re.Match[str]) -> str:
        names = PLACEHOLDER.findall(match[1])
        return match[1] if all(name in values[kind] for kind, name in names) else ""

    return PLACEHOLDER.sub(word, OPTIONAL.sub(section, command))


def failure(log: Path, status: int) -> str:
    """What Azure ML says of a step that exited with a status, with the end of its log: the exception, if it has one."""
    text = log.read_text(encoding="utf-8", errors="replace")
    return (
        f"Execution failed. User process exited with status code {status}. "
        f"Please check log file 'user_logs/std_log.txt' for error details. Error: {_cause(text)}"
    )


def _cause(text: str) -> str:
    lines = text.rstrip().splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call last):")]
    if starts:
        after = lines[starts[-1] + 1 :]
        raised = next((number for number, line in enumerate(after) if line and not line[0].isspace()), 0)
        lines = after[raised:]
    else:
        lines = lines[-5:]
    return "\n".join(lines)[-TAIL:] or "the log is empty"
