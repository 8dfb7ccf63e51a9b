"""Why an activity failed, as Data Factory says it; one constructor a cause.

Codes and texts follow https://learn.microsoft.com/azure/data-factory/data-factory-troubleshoot-guide
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from adfkit.expressions.values import type_name

FailureType = Literal["UserError", "SystemError"]


@dataclass(frozen=True, slots=True)
class ActivityError:
    """The `error` of an activity run. `failure_type` says whose turn it is: the author's or the service's."""

    code: str
    message: str
    failure_type: FailureType = "UserError"
    details: Sequence[Mapping[str, Any]] = ()

    def to_json(self, target: str) -> dict[str, Any]:
        """`{"errorCode", "message", "failureType", "target", "details"}`, `target` being the activity's name."""
        return {
            "errorCode": self.code,
            "message": self.message,
            "failureType": self.failure_type,
            "target": target,
            "details": [dict(detail) for detail in self.details],
        }


class ActivityFailure(Exception):
    """Raised by an activity to end as Failed; `output` is shown beside the error."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        failure_type: FailureType = "UserError",
        details: Sequence[Mapping[str, Any]] = (),
        output: Mapping[str, Any] | None = None,
        timed_out: bool = False,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.error = ActivityError(code, message, failure_type, tuple(details))
        self.output: dict[str, Any] = dict(output or {})
        self.timed_out = timed_out


class RunError(Exception):
    """A run that cannot be made: a wrong parameter, an unknown pipeline, an invalid concurrency."""


def unsupported_activity(activity_type: str) -> ActivityFailure:
    return ActivityFailure(
        "ActivityTypeNotSupported", f"Local Azure does not run activities of type '{activity_type}'."
    )


def unsupported(what: str) -> ActivityFailure:
    return ActivityFailure("NotSupported", f"Local Azure does not support {what}.")


def invalid_expression(message: str) -> ActivityFailure:
    return ActivityFailure("InvalidTemplate", message)


def required_property(name: str) -> ActivityFailure:
    return ActivityFailure("2103", f"Please provide value for the required property '{name}'.")


def wrong_type(name: str, expected: str, value: object) -> ActivityFailure:
    given = type_name(value)
    return ActivityFailure(
        "2104", f"The type of the property '{name}' is incorrect: a value of type {expected} is wanted, not {given}."
    )


def output_too_large(size: int) -> ActivityFailure:
    return ActivityFailure(
        "2001", f"The length of execution output is over limit (around 4 MB currently): it is {size} bytes."
    )


def inner_activity_failed(name: str, message: str) -> ActivityFailure:
    return ActivityFailure(
        "ActionFailed",
        f"Activity failed because an inner activity failed; Inner activity name: {name}, Error: {message}",
    )


def timed_out(seconds: float) -> ActivityFailure:
    return ActivityFailure("ActivityTimedOut", f"The activity timed out after {seconds:g} seconds.", timed_out=True)


def missing_reference(kind: str, name: str) -> ActivityFailure:
    return ActivityFailure("NotFound", f"The {kind} '{name}' does not exist in the data factory.")
