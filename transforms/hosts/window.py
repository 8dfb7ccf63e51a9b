"""The window that a run is for: the rows of a result whose time lies in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import narwhals.stable.v2 as nw

from transforms.hosts.declaration import Declaration, DeclarationError

START, END = "window_start", "window_end"
"""Where a request tells it: times in ISO 8601. Empty or missing means a run for the whole source."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to before `end`, in UTC."""

    start: datetime
    end: datetime

    @classmethod
    def parse(cls, request: Mapping[str, Any]) -> Self | None:
        """The window that a request tells, or None where it asks for the whole.

        Raises:
            ValueError: it tells one end only, a text that is no time, or an end that is not behind the start.
        """
        start, end = request.get(START) or "", request.get(END) or ""
        if not start and not end:
            return None
        if not start or not end:
            raise ValueError(f"A window needs both '{START}' and '{END}', or neither for the whole.")
        window = cls(_time(START, start), _time(END, end))
        if window.start >= window.end:
            raise ValueError(f"The window ends at {end}, which is not after its start, {start}.")
        return window

    def rows(self, frame: nw.LazyFrame, declaration: Declaration) -> nw.LazyFrame:
        """The rows of a result that lie in the window, by the transform's column `window_by`.

        Raises:
            DeclarationError: the transform declares no such column.
        """
        if declaration.window_by is None:
            raise DeclarationError(
                f"The transform '{declaration.name}' cannot run for a window: its transform.toml has no 'window_by'."
            )
        time = nw.col(declaration.window_by)
        return frame.filter((time >= nw.lit(self.start)) & (time < nw.lit(self.end)))

    def as_json(self) -> dict[str, str]:
        """For the manifest: both ends in ISO 8601."""
        return {"start": _text(self.start), "end": _text(self.end)}


def _time(name: str, value: Any) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"'{name}' is no time in ISO 8601: {value!r}.") from error
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def _text(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
