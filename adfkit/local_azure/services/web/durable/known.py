"""The durable functions that an app has, by their kind and name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adfkit.local_azure.services.web.functions import Function, TriggeredFunction

ORCHESTRATOR: Final = "orchestrationtrigger"
ACTIVITY: Final = "activitytrigger"
ENTITY: Final = "entitytrigger"
NAMED_BY: Final = {ORCHESTRATOR: "orchestration", ACTIVITY: "activity", ENTITY: "entityName"}
"""The kinds, each with the key of its trigger that may name the function otherwise than its own name."""
WORDS: Final = {ORCHESTRATOR: "orchestrator", ACTIVITY: "activity", ENTITY: "entity"}


class UnknownFunctionError(Exception):
    """No such function; the text says so in the words of the official extension."""


class KnownFunctions:
    """Finds functions without regard to case."""

    def __init__(self, functions: Sequence[Function]) -> None:
        self._functions = {
            (function.kind, str(function.trigger.get(NAMED_BY[function.kind]) or function.name).lower()): function
            for function in functions
            if isinstance(function, TriggeredFunction) and function.kind in NAMED_BY
        }

    def __bool__(self) -> bool:
        return bool(self._functions)

    def require(self, kind: str, name: str) -> TriggeredFunction:
        """The function of a kind and a name.

        Raises:
            UnknownFunctionError: there is none.
        """
        found = self._functions.get((kind, name.lower()))
        if found:
            return found
        word = WORDS[kind]
        others = sorted(other for its_kind, other in self._functions if its_kind == kind)
        quoted = "', '".join(others)
        known = f"The following are the known {word} functions: '{quoted}'."
        raise UnknownFunctionError(
            f"The function '{name}' doesn't exist, is disabled, or is not an {word} function. Additional info: "
            + (known if others else f"No {word} functions are currently registered!")
        )
