"""Stubs: what stands in the place of an activity, by the activity's name, for its successive executions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from adfkit.local_azure.services.data_factory.folder_runs.errors import FolderRunError
from adfkit.local_azure.services.data_factory.runtime import http
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.activities.registry import ACTIVITIES
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure
from adfkit.local_azure.services.data_factory.runtime.sealing import mask_secure_strings

WAITS_OUTSIDE: Final = frozenset({"Validation", "WebHook"})
CONTROL: Final = frozenset(name for name, each in ACTIVITIES.items() if not each.has_policy) - WAITS_OUTSIDE
"""Activities that need nothing from outside of the factory."""


class Stubs:
    """Every activity's stubs. Retries and iterations take one after the other; the last repeats."""

    def __init__(self, document: Any) -> None:
        """Read `{name: {"output"} | {"error"} | [...]}`.

        Raises:
            FolderRunError: it is of another shape.
        """
        if not isinstance(document, Mapping):
            raise FolderRunError("the stubs must be a JSON object with the stubs of an activity by its name")
        self.names = tuple(document)
        self._by_name = {name.lower(): _sequence(name, value) for name, value in document.items()}
        self._used: Counter[str] = Counter()

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name

    def take(self, name: str) -> Mapping[str, Any]:
        """The stub of the activity's next execution."""
        sequence, used = self._by_name[name.lower()], self._used[name.lower()]
        self._used[name.lower()] += 1
        return sequence[min(used, len(sequence) - 1)]


def _sequence(name: str, value: Any) -> Sequence[Mapping[str, Any]]:
    sequence = value if isinstance(value, list) else [value]
    if not sequence:
        raise FolderRunError(f"the list of stubs of activity '{name}' is empty")
    for stub in sequence:
        is_stub = isinstance(stub, Mapping) and bool(stub) and stub.keys() <= {"output", "error"}
        if not is_stub or any(not isinstance(part, dict | None) for part in stub.values()):
            shapes = '{"output": {...}} or {"error": {"message", "errorCode"}}'
            raise FolderRunError(f"a stub of activity '{name}' must be {shapes}")
    return sequence


class Stubbed(Activity):
    """Stands for an activity of any type: its input is evaluated, its outcome is the stub's."""

    type = "Stubbed"
    documentation = "none: the outcome is what the stub says"

    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        context.show_input(evaluated_input(context))
        stub = self._stubs.take(context.name)
        error = stub.get("error")
        if error is not None:
            raise ActivityFailure(
                str(error.get("errorCode") or "UserError"),
                str(error.get("message") or f"The stub of activity '{context.name}' is an error."),
                failure_type="SystemError" if error.get("failureType") == "SystemError" else "UserError",
                output=stub.get("output"),
            )
        return dict(stub.get("output") or {})


class NotStubbed(Activity):
    """Stands for an activity that reaches outside of the factory and has no stub."""

    type = "NotStubbed"
    documentation = "none: it always fails"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        context.show_input(evaluated_input(context))
        raise ActivityFailure(
            "ActivityNotStubbed",
            f"The activity '{context.name}' of type '{context.record.type}' reaches outside of the factory and has no "
            f"stub: name it in the stubs file, or run the pipeline in local Azure.",
        )


class FolderActivities:
    """What executes each activity of a run without a cloud."""

    def __init__(self, stubs: Stubs) -> None:
        self._stubbed, self._not_stubbed = Stubbed(stubs), NotStubbed()
        self._stubs = stubs

    def choose(self, definition: Mapping[str, Any]) -> Activity:
        """The activity's stub if it has one, itself if it needs nothing from outside, else what fails by name."""
        if definition["name"] in self._stubs:
            return self._stubbed
        return ACTIVITIES[definition["type"]] if definition["type"] in CONTROL else self._not_stubbed


_BLOCKS: Final = frozenset({"activities", "ifTrueActivities", "ifFalseActivities", "cases", "defaultActivities"})


def evaluated_input(context: ActivityContext) -> dict[str, Any]:
    """An activity's type properties and datasets with their expressions evaluated; secrets are stars."""
    properties = context.definition.get("typeProperties") or {}
    shown = {name: context.evaluate(value) for name, value in properties.items() if name not in _BLOCKS}
    for name in ("inputs", "outputs"):
        if context.definition.get(name):
            shown[name] = context.evaluate(context.definition[name])
    if isinstance(shown.get("headers"), dict):
        shown["headers"] = http.shown_headers(shown["headers"])
    masked: dict[str, Any] = mask_secure_strings(shown)
    return masked
