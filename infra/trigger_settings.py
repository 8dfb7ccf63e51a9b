"""What a stack file says of an ingestion's trigger: Data Factory's own settings, named and spelt as Azure does.

https://learn.microsoft.com/azure/data-factory/concepts-pipeline-execution-triggers
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_serializer, model_validator

TimeSpan = Annotated[str, Field(pattern=r"^-?(\d+\.)?\d\d:[0-5]\d:[0-5]\d$")]
"""`d.hh:mm:ss`"""
WeekDay = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
Event = Literal["Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobDeleted"]
UTC_NAME = "UTC"
SHORTEST_WINDOW = 5
"""Minutes."""


class TriggerSettings(BaseModel):
    """What all triggers have. `started` is whether a new one is started; after that its operator decides."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    started: bool


class Timed(TriggerSettings):
    """A trigger that goes by the clock, from `start_time` until `end_time`. Times without an offset are in UTC."""

    start_time: datetime
    end_time: datetime | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end_time and self._utc(self.end_time) <= self._utc(self.start_time):
            raise ValueError("'end_time' must be after 'start_time'")
        return self

    @field_serializer("start_time", "end_time")
    def _text(self, time: datetime | None) -> str | None:
        """As Azure has it: with `Z`."""
        return None if time is None else self._utc(time).strftime("%Y-%m-%dT%H:%M:%SZ")

    @staticmethod
    def _utc(time: datetime) -> datetime:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


class Schedule(Timed):
    """Runs for the whole source by the clock: every `interval` times `frequency`, narrowed by minutes, hours, days.

    `time_zone` is a Windows name, as in `W. Europe Standard Time`; times without an offset are on its clocks.
    """

    type: Literal["schedule"]
    frequency: Literal["Minute", "Hour", "Day", "Week", "Month"]
    interval: Annotated[int, Field(ge=1, le=1000)] = 1
    time_zone: str = UTC_NAME
    minutes: list[Annotated[int, Field(ge=0, le=59)]] = []
    hours: list[Annotated[int, Field(ge=0, le=23)]] = []
    week_days: list[WeekDay] = []
    month_days: list[Annotated[int, Field(ge=-31, le=31)]] = []

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.week_days and self.frequency != "Week":
            raise ValueError(f"'week_days' goes with the frequency Week, not {self.frequency}")
        if self.month_days and (self.frequency != "Month" or 0 in self.month_days):
            raise ValueError("'month_days' goes with the frequency Month: 1 to 31, or -1 for the last to -31")
        offsets = [name for name in ("start_time", "end_time") if (t := getattr(self, name)) and t.tzinfo]
        if offsets and self.time_zone != UTC_NAME:
            raise ValueError(f"'{offsets[0]}' is on the clocks of {self.time_zone}: leave its offset out")
        return self

    @field_serializer("start_time", "end_time")
    def _text(self, time: datetime | None) -> str | None:
        if time is None or self.time_zone == UTC_NAME:
            return super()._text(time)
        return time.strftime("%Y-%m-%dT%H:%M:%S")


class DependsOn(BaseModel):
    """Windows that must have succeeded before one runs: of another ingestion's trigger, or, of none named, of its own.

    `offset` moves the interval that is waited for, `size` makes it another length than the window's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ingestion: str | None = None
    offset: TimeSpan | None = None
    size: TimeSpan | None = None

    @model_validator(mode="after")
    def _before(self) -> Self:
        if self.ingestion is None and not (self.offset or "").startswith("-"):
            raise ValueError("a dependency on the trigger's own windows needs a negative 'offset'")
        return self


class TumblingWindow(Timed):
    """Runs once for each window from `start_time` on, also for those in the past, `delay` after the window's end.

    A run that failed is tried again `retries` times; at most `max_concurrency` windows run at once.
    """

    type: Literal["tumbling_window"]
    frequency: Literal["Minute", "Hour", "Month"]
    interval: Annotated[int, Field(ge=1, le=1_000_000)]
    delay: TimeSpan = "00:00:00"
    max_concurrency: Annotated[int, Field(ge=1, le=50)] = 1
    retries: Annotated[int, Field(ge=0, le=1000)] = 0
    retry_interval_seconds: Annotated[int, Field(ge=30, le=86400)] = 30
    depends_on: list[DependsOn] = []

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        if self.frequency == "Minute" and self.interval < SHORTEST_WINDOW:
            raise ValueError(f"a window lasts at least {SHORTEST_WINDOW} minutes, not {self.interval}")
        return self


class BlobEvent(TriggerSettings):
    """Runs for the whole source when a blob of it was written, or deleted.

    Without `path_begins_with` these are the blobs of the ingestion's source folder.
    """

    type: Literal["blob_event"]
    path_begins_with: str = ""
    path_ends_with: str = ""
    events: Annotated[list[Event], Field(min_length=1)] = ["Microsoft.Storage.BlobCreated"]
    ignore_empty_blobs: bool = True


Trigger = Annotated[Schedule | TumblingWindow | BlobEvent, Field(discriminator="type")]
