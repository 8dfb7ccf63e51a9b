"""What an activity is handed: its definition, evaluated on demand, and the few things that it may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adfkit.expressions.values import type_name
from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.clock import Clock
from adfkit.local_azure.services.data_factory.runtime.factory import Cloud, Factory
from adfkit.local_azure.services.data_factory.runtime.frames import Frame
from adfkit.local_azure.services.data_factory.runtime.outcomes import BlockOutcome
from adfkit.local_azure.services.data_factory.runtime.policy import read_timeout
from adfkit.local_azure.services.data_factory.runtime.records import ActivityRun, PipelineRun
from adfkit.local_azure.services.data_factory.runtime.scopes import evaluate

if TYPE_CHECKING:
    from adfkit.local_azure.services.data_factory.runtime.execution import Execution

Definition = Mapping[str, Any]


@dataclass(slots=True)
class ActivityContext:
    """One attempt of one activity. `record` is its row in history; `frame` is what it sees."""

    definition: Definition
    frame: Frame
    record: ActivityRun
    execution: Execution

    @property
    def name(self) -> str:
        name: str = self.definition["name"]
        return name

    @property
    def run(self) -> PipelineRun:
        return self.execution.record

    @property
    def factory(self) -> Factory:
        return self.execution.factory

    @property
    def cloud(self) -> Cloud:
        return self.execution.factory.cloud

    @property
    def clock(self) -> Clock:
        return self.execution.clock

    @property
    def state(self) -> dict[str, Any]:
        """What `remember` kept, also before a restart."""
        return self.record.state

    @property
    def timed_out(self) -> bool:
        """Whether the attempt has taken as long as its policy lets it."""
        timeout = self.evaluate((self.definition.get("policy") or {}).get("timeout"))
        return (self.clock.now() - self.record.started).total_seconds() >= read_timeout("timeout", timeout)

    def evaluate(self, value: Any, frame: Frame | None = None) -> Any:
        """A JSON value with its expressions evaluated here, or as another frame sees it.

        Raises:
            ActivityFailure: InvalidTemplate.
        """
        return evaluate(value, self.execution.scope(frame or self.frame))

    def raw(self, name: str, default: Any = None) -> Any:
        """A type property as written."""
        return (self.definition.get("typeProperties") or {}).get(name, default)

    def get(self, name: str, default: Any = None) -> Any:
        """A type property, evaluated; `default` where it is absent or null."""
        value = self.evaluate(self.raw(name))
        return default if value is None else value

    def text(self, name: str) -> str:
        """A required type property that is a text.

        Raises:
            ActivityFailure: 2103 where it is missing or empty, 2104 where it is no text.
        """
        value = self.get(name)
        if value is None or value == "":
            raise errors.required_property(name)
        if not isinstance(value, str):
            raise errors.wrong_type(name, "String", value)
        return value

    def boolean(self, name: str, default: bool) -> bool:
        """A type property that is true or false, also as a text.

        Raises:
            ActivityFailure: 2104.
        """
        value = self.get(name, default)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if not isinstance(value, bool):
            raise errors.wrong_type(name, "Boolean", value)
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        """A type property that is a whole number, also as a text.

        Raises:
            ActivityFailure: 2103 where it is required and missing, 2104 where it is no whole number.
        """
        value = self.get(name, default)
        if value is None:
            raise errors.required_property(name)
        if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
            return int(value)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise errors.wrong_type(name, "Int", value)
        return value

    def array(self, name: str) -> list[Any]:
        """A required type property that is an array.

        Raises:
            ActivityFailure: 2103, 2104.
        """
        value = self.get(name)
        if value is None:
            raise errors.required_property(name)
        if not isinstance(value, list):
            raise errors.wrong_type(name, "Array", value)
        return value

    def object(self, name: str) -> dict[str, Any]:
        """A type property that is an object; an absent one is empty.

        Raises:
            ActivityFailure: 2104.
        """
        value = self.get(name, {})
        if not isinstance(value, dict):
            raise errors.wrong_type(name, "Object", value)
        return value

    def boolean_expression(self, name: str, frame: Frame | None = None) -> bool:
        """A required condition, as another frame sees it if one is given.

        Raises:
            ActivityFailure: InvalidTemplate where it yields no Boolean, as the service says it.
        """
        value = self.evaluate(self.raw(name), frame)
        if not isinstance(value, bool):
            raise errors.invalid_expression(
                f"The expression of the property '{name}' of activity '{self.name}' must yield a Boolean, "
                f"not a value of type {type_name(value)}."
            )
        return value

    def show_input(self, value: Any) -> None:
        """What monitoring shows as the activity's input, from now on."""
        self.record.input = value
        self.execution.history.save_activity(self.record)

    def remember(self, **state: Any) -> None:
        """Keep values in history for this attempt, to be found in `state` after a restart."""
        self.record.state.update(state)
        self.execution.history.save_activity(self.record)

    async def run_block(self, activities: Sequence[Definition], frame: Frame) -> BlockOutcome:
        """Run inner activities to their end."""
        return await self.execution.run_block(activities, frame)

    async def require_block(self, activities: Sequence[Definition], branch: str) -> None:
        """Run inner activities and fail as their container where they fail.

        Raises:
            ActivityFailure: ActionFailed names the inner activity.
        """
        frame = self.frame.inner(self.name, branch)
        outcome = await self.run_block(activities, frame)
        self.frame.adopt(frame)
        fail_for(outcome)


def fail_for(outcome: BlockOutcome) -> None:
    """Fail a container whose block failed.

    Raises:
        ActivityFailure: ActionFailed, naming the first inner activity that decided.
    """
    for name, error in outcome.failures.items():
        raise errors.inner_activity_failed(name, error.message)
