"""What can be wrong with a data flow, each with the line of its script."""

from __future__ import annotations


class DataFlowError(Exception):
    """A data flow that cannot run, or did not. `line` is of the script, from 1, or None where no line is to blame.

    `transformation` is the name of the one that failed in a run.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.message = message
        self.line = line
        self.transformation: str | None = None


class ScriptError(DataFlowError):
    """The script is not of the language, or names what is not there."""


class UnsupportedError(DataFlowError):
    """The script uses what is not implemented here; the text names it."""


class RunFailure(DataFlowError):
    """The data flow ran and failed: an assertion, or a value that its operation refuses."""


def unsupported(what: str, line: int | None = None) -> UnsupportedError:
    return UnsupportedError(f"{what} is not supported", line)
