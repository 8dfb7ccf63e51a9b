"""Why a data flow failed, as Data Factory says it.

https://learn.microsoft.com/azure/data-factory/data-flow-troubleshoot-guide
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from adfkit.data_flows.errors import DataFlowError
from adfkit.data_flows.syntax import Transformation
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure
from adfkit.local_azure.services.data_factory.runtime.json_values import to_json

USER_ERROR: Final = "DFExecutorUserError"
INVALID_PATH: Final = "DF-Executor-InvalidPath"
NO_CONTAINER: Final = "DF-Executor-SourceInvalidPayload"
FILE_NAMES: Final = "DF-Executor-InvalidPartitionFileNames"
_SCRIPT_ERROR: Final = "DF-Executor-ParseError"
_UNSUPPORTED: Final = "NotSupported"
_CODES: Final = {"ScriptError": _SCRIPT_ERROR, "UnsupportedError": _UNSUPPORTED, "RunFailure": USER_ERROR}
_WORDS: Final = {"source": "Source", "sink": "Sink", "assert": "Assert", "derive": "Derive", "alterRow": "AlterRow"}


def failure(
    code: str,
    reason: str,
    node: Transformation | None = None,
    *,
    details: Sequence[Mapping[str, Any]] = (),
    output: Mapping[str, Any] | None = None,
) -> ActivityFailure:
    """The failure of the activity: its message is the JSON that the service makes of code and reason."""
    where = f"at {_where(node)}: " if node else ""
    message = {"StatusCode": code, "Message": f"Job failed due to reason: {where}{reason}", "Details": ""}
    return ActivityFailure(code, to_json(message).decode(), details=details, output=output)


def script_failure(
    kind: str, message: str, node: Transformation | None, line: int | None, output: Mapping[str, Any] | None = None
) -> ActivityFailure:
    """The failure for an error of the engine; `kind` is its class, `line` where it says that the script is wrong."""
    at = f" (line {line} of the script)" if line and (node is None or line != node.line) else ""
    return failure(_CODES[kind], f"{message}{at}", node, output=output)


def of_error(error: DataFlowError, node: Transformation | None = None) -> ActivityFailure:
    """The failure for an error that was met before the run."""
    return script_failure(type(error).__name__, error.message, node, error.line)


def of_store(error: ActivityFailure, node: Transformation) -> ActivityFailure:
    """The failure for a store that refuses: the store's own words, and where."""
    return failure(USER_ERROR, error.error.message, node, details=error.error.details)


def _where(node: Transformation) -> str:
    word = _WORDS.get(node.kind, node.kind[:1].upper() + node.kind[1:])
    return f"{word} '{node.name}'(Line {node.line}/Col {node.column})"
