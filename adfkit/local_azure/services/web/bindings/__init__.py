"""The types of bindings that the Functions host knows: triggers, and what is read before and written after a function.

https://learn.microsoft.com/azure/azure-functions/functions-triggers-bindings
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.models import App
from adfkit.local_azure.services.web.worker_process import FunctionFailedError, Value

Binding = Mapping[str, Any]
"""One binding as the app declares it, with the keys of function.json."""
Data = Mapping[str, str]
"""What binding expressions refer to, e.g. `name` of the trigger's path `incoming/{name}`."""


class BindingError(FunctionFailedError):
    """A binding whose value could not be read or written."""


class Writer(Protocol):
    """Takes a value that a function gave to an output."""

    def __call__(self, app: App, binding: Binding, value: Value, data: Data) -> Awaitable[None]:
        """Write it; raises BindingError."""


def anything(_: App, __: str, ___: Binding) -> None:
    """The default check: nothing to refuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingType:
    """One type of binding.

    Attributes:
        name: as function.json spells it.
        trigger: whether a function can start by it.
        read: gives the value of an input; None where it is no input. Raises BindingError.
        write: takes the value of an output; None where it is no output.
        check: refuses, with a HostError, what a function of this name declares and is not supported or not set up.
    """

    name: str
    trigger: bool = False
    read: Callable[[App, Binding, Data], Awaitable[Value]] | None = None
    write: Writer | None = None
    check: Callable[[App, str, Binding], None] = anything

    def serves(self, binding: Binding) -> bool:
        """Whether a binding of this type has a role that the type has."""
        if is_output(binding):
            return self.write is not None
        return self.trigger or self.read is not None


async def _answered(app: App, binding: Binding, value: Value, data: Data) -> None:
    """The response of an HTTP function: who called the host has it already."""


HTTP: Final = (BindingType(name="httpTrigger", trigger=True), BindingType(name="http", write=_answered))


class BindingTypes:
    """The types of one host, by their names in any case."""

    def __init__(self, types: Iterable[BindingType]) -> None:
        self._types = {type.name.lower(): type for type in types}

    def of(self, function: str, binding: Binding) -> BindingType:
        """The type of a function's binding; raises HostError for one that is not supported, by name."""
        found = self._types.get(str(binding["type"]).lower())
        if found is None or not found.serves(binding):
            direction = " as an output" if is_output(binding) else ""
            names = ", ".join(type.name for type in self._types.values())
            raise HostError(
                f"The function '{function}' has a binding of the type '{binding['type']}'{direction}, which local "
                f"Azure does not support; it supports {names}."
            )
        return found


def is_output(binding: Binding) -> bool:
    """Whether a binding gives a value away."""
    return str(binding.get("direction")).upper() == "OUT"
