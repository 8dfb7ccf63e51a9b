"""Reads a scope from JSON, as people write it to try an expression.

    {"pipeline": {"parameters": {...}, "RunId": "..."}, "globalParameters": {...}, "variables": {...},
     "activities": {"Lookup": {"output": {...}, "status": "Succeeded"}}, "item": ..., "trigger": {...},
     "dataset": {...}, "linkedService": {...}, "utcNow": "2024-01-31T12:00:00Z", "seed": 1}

Every part is optional; `utcNow` and `seed` fix the clock and the randomness.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adfkit.expressions.scope import Scope, utc_now

_OBJECTS = ("pipeline", "globalParameters", "variables", "activities", "trigger", "dataset", "linkedService")
_KEYS = (*_OBJECTS, "item", "utcNow", "seed")


class StateError(ValueError):
    """A state that isn't shaped as it has to be."""


def scope_from_state(state: Any) -> Scope:
    """The scope that a state of JSON describes; raises StateError."""
    if not isinstance(state, Mapping):
        raise StateError(f"The state must be a JSON object, not {type(state).__name__}.")
    unknown = [key for key in state if key not in _KEYS]
    if unknown:
        raise StateError(f"The state has the unknown key '{unknown[0]}'. It can have: {', '.join(_KEYS)}.")
    for key in _OBJECTS:
        if state.get(key) is not None and not isinstance(state[key], Mapping):
            raise StateError(f"'{key}' of the state must be a JSON object.")
    pipeline = dict(state.get("pipeline") or {})
    parameters = pipeline.pop("parameters", None) or {}
    if not isinstance(parameters, Mapping):
        raise StateError("'pipeline.parameters' of the state must be a JSON object.")
    now = _now(state.get("utcNow"))
    return Scope(
        pipeline=pipeline,
        parameters=parameters,
        global_parameters=state.get("globalParameters") or pipeline.pop("globalParameters", None) or {},
        variables=state.get("variables") or {},
        activities=state.get("activities") or {},
        items=(state["item"],) if "item" in state else (),
        trigger=state.get("trigger"),
        dataset=state.get("dataset"),
        linked_service=state.get("linkedService"),
        clock=utc_now if now is None else lambda: now,
        random=random.SystemRandom() if state.get("seed") is None else random.Random(state["seed"]),  # noqa: S311
    )


def _now(text: Any) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise StateError(f"'utcNow' of the state must be an ISO 8601 time, not '{text}'.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
