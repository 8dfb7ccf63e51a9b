"""The base of all activities. Retry, timeout, history and failure are the executor's: an activity does its work."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext


class Activity(ABC):
    """One type of activity. Instances hold no state: `context` has everything of the attempt.

    Attributes:
        type: the `type` in a pipeline's JSON.
        required: type properties without which the service refuses the pipeline.
        has_policy: whether `policy` (timeout, retry) applies, as it does to all but control flow.
        documentation: the page that its behaviour follows.
    """

    type: ClassVar[str]
    required: ClassVar[tuple[str, ...]] = ()
    has_policy: ClassVar[bool] = True
    documentation: ClassVar[str]

    @abstractmethod
    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        """Do the work and return the output.

        May run again after a restart: what must not be done twice is kept with `context.remember`.

        Raises:
            ActivityFailure: the activity fails, with the error that monitoring shows.
        """
