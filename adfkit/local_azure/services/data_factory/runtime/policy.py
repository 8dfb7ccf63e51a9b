"""An activity's policy: how long it may take, how often it is tried again, what is kept out of monitoring."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from adfkit.local_azure.services.data_factory.runtime import errors

DEFAULT_TIMEOUT: Final = timedelta(days=7)
DEFAULT_RETRY_INTERVAL: Final = 30
_TIMESPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityPolicy:
    """The policy with its defaults filled in; times in seconds."""

    timeout: float = DEFAULT_TIMEOUT.total_seconds()
    retry: int = 0
    retry_interval: float = DEFAULT_RETRY_INTERVAL
    secure_input: bool = False
    secure_output: bool = False


def parse_timespan(text: str) -> timedelta:
    """A .NET time span `[d.]hh:mm:ss`, hours of one digit included, as in `0.1:00:00`.

    Raises:
        ValueError: it is none, or is zero.
    """
    match = _TIMESPAN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a time span such as 0.12:00:00 (days.hours:minutes:seconds)")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not span:
        raise ValueError(f"'{text}' is no time at all")
    return span


def read_policy(definition: Mapping[str, Any], evaluate: Callable[[Any], Any]) -> ActivityPolicy:
    """The policy of an activity's definition, its expressions evaluated.

    Raises:
        ActivityFailure: 2104 names the property whose value is not of its type.
    """
    policy = definition.get("policy") or {}
    return ActivityPolicy(
        timeout=read_timeout("timeout", evaluate(policy.get("timeout"))),
        retry=_integer("retry", evaluate(policy.get("retry")), 0),
        retry_interval=_integer(
            "retryIntervalInSeconds", evaluate(policy.get("retryIntervalInSeconds")), DEFAULT_RETRY_INTERVAL
        ),
        secure_input=bool(policy.get("secureInput")),
        secure_output=bool(policy.get("secureOutput")),
    )


def read_timeout(name: str, value: Any, default: timedelta = DEFAULT_TIMEOUT) -> float:
    """Seconds of a time span property that may be absent.

    Raises:
        ActivityFailure: 2104.
    """
    if value is None:
        return default.total_seconds()
    try:
        return parse_timespan(str(value)).total_seconds()
    except ValueError as error:
        raise errors.ActivityFailure("2104", f"The type of the property '{name}' is incorrect: {error}.") from error


def _integer(name: str, value: Any, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not str(value).strip().isdecimal():
        raise errors.wrong_type(name, "a whole number", value)
    return int(value)
