"""What an expression can see while it is evaluated."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from adfkit.expressions.values import Value


def utc_now() -> datetime:
    """The machine's clock, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Scope:
    """The state of a run around an expression; every part is optional.

    `pipeline` has the system variables (`RunId`, `Pipeline`, `DataFactory`, `GroupId`, `TriggerId`, `TriggerName`,
    `TriggerTime`, `TriggerType`, `TriggeredByPipelineName`, `TriggeredByPipelineRunId`); with `parameters` and
    `global_parameters` it makes what `pipeline()` returns. `activities` maps a name to what `activity()` returns
    (`output`, `status`, `error`, ...), `variables` a name to its value. `items` is the stack of loops around the
    expression, the innermost last. `dataset`, `linked_service` and `trigger` are None where they have no meaning.

    `clock` yields an aware time and `random` the randomness of `rand()` and `guid()`: a test sets both.
    """

    pipeline: Mapping[str, Value] = field(default_factory=dict)
    parameters: Mapping[str, Value] = field(default_factory=dict)
    global_parameters: Mapping[str, Value] = field(default_factory=dict)
    variables: Mapping[str, Value] = field(default_factory=dict)
    activities: Mapping[str, Value] = field(default_factory=dict)
    items: tuple[Value, ...] = ()
    trigger: Mapping[str, Value] | None = None
    dataset: Mapping[str, Value] | None = None
    linked_service: Mapping[str, Value] | None = None
    clock: Callable[[], datetime] = utc_now
    random: random.Random = field(default_factory=random.SystemRandom)

    def with_item(self, item: Value) -> Scope:
        """The scope of one iteration of a loop inside this one."""
        return replace(self, items=(*self.items, item))
