"""Makes up a state in which an expression finds everything that it names."""

from __future__ import annotations

from typing import Any

from adfkit.expressions import Call, Literal, Node, Property, parse_template
from adfkit.expressions.syntax import expressions, walk
from adfkit.expressions.values import find_key

TIME, NUMBER, TEXT = "2024-03-04T05:06:07Z", "5", "a.b.c d"


def state_for(text: str) -> dict[str, Any]:
    """The state, with a time for each parameter and variable, a number for each output and a text for each item."""
    state: dict[str, Any] = {"pipeline": {"parameters": {}}, "globalParameters": {}, "variables": {}, "activities": {}}
    state |= {"item": {}, "dataset": {}, "linkedService": {}, "trigger": {}}
    for expression in expressions(parse_template(text)):
        for node in walk(expression.root):
            source, steps = _steps(node)
            if isinstance(source, Call):
                _put_source(state, source, steps)
    return state


def _steps(node: Node) -> tuple[Node, list[str | int]]:
    """What a chain of properties starts from, and its keys; a key that isn't a literal counts as the first element."""
    steps: list[str | int] = []
    while isinstance(node, Property):
        key = node.key.value if isinstance(node.key, Literal) else 0
        steps.insert(0, key if isinstance(key, str | int) else 0)
        node = node.target
    return node, steps


def _put_source(state: dict[str, Any], source: Call, steps: list[str | int]) -> None:
    argument = source.arguments[0].value if source.arguments and isinstance(source.arguments[0], Literal) else None
    match source.name.lower():
        case "pipeline" if steps:
            shared = str(steps[0]).lower() == "globalparameters"
            _put(state, ["globalParameters", *steps[1:]] if shared else ["pipeline", *steps], TIME)
        case "variables" if isinstance(argument, str):
            _put(state, ["variables", argument, *steps], TIME)
        case "activity" if isinstance(argument, str):
            _put(state, ["activities", argument, *steps], NUMBER)
        case "item" | "dataset" | "trigger" as part:
            _put(state, [part, *steps], TEXT)
        case "linkedservice":
            _put(state, ["linkedService", *steps], TEXT)


def _put(container: Any, steps: list[str | int], leaf: str) -> None:
    """Puts a value at the end of the steps, where nothing is there yet."""
    step, *rest = steps
    fresh: Any = leaf if not rest else [] if isinstance(rest[0], int) else {}
    if isinstance(container, list) and isinstance(step, int):
        container.extend([None] * (step + 1 - len(container)))
        if not isinstance(container[step], list | dict):
            container[step] = fresh
    elif isinstance(container, dict):
        step = find_key(container, str(step)) or str(step)
        if not isinstance(container.get(step), list | dict):
            container[step] = fresh
    else:
        return
    if rest:
        _put(container[step], rest, leaf)
