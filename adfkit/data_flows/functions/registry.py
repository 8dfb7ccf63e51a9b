"""Every function by its name, and how a call becomes SQL.

https://learn.microsoft.com/azure/data-factory/data-flow-expressions-usage
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Final

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler
from adfkit.data_flows.conversion import convert
from adfkit.data_flows.errors import DataFlowError, ScriptError, UnsupportedError
from adfkit.data_flows.streams import Typed
from adfkit.data_flows.types import Type

Form = Callable[[Compiler, syntax.Call], Typed]


@dataclass(frozen=True, slots=True)
class Function:
    """A function with how many arguments it takes; no maximum is None."""

    name: str
    least: int
    most: int | None
    compile: Form


_MODULES: Final = ("aggregates", "arrays", "columns", "conversions", "dates", "logic", "numbers", "texts")
FUNCTIONS: Final[dict[str, Function]] = {}


def function(*names: str, least: int = 0, most: int | None = 0) -> Callable[[Form], Form]:
    """Registers a form: it is given the call's syntax."""

    def register(form: Form) -> Form:
        for name in names:
            FUNCTIONS[name] = Function(name, least, most, form)
        return form

    return register


def template(name: str, sql: str, arguments: tuple[Type | None, ...], result: Type | None, optional: int = 0) -> None:
    """Registers a function that is one piece of SQL.

    `{0}` is the first argument converted to its type, or as it is where its type is None; `result` None is the first
    argument's type. The last `optional` arguments may be absent: the SQL of their place is then `NULL`.
    """

    def form(compiler: Compiler, call: syntax.Call) -> Typed:
        given = [compiler.compile(node) for node in call.arguments]
        parts = [
            convert(value, type) if type else value.sql
            for value, type in zip(given, arguments[: len(given)], strict=True)
        ]
        parts += ["NULL"] * (len(arguments) - len(parts))
        return Typed(sql.format(*parts), result or given[0].type)

    function(name, least=len(arguments) - optional, most=len(arguments))(form)


def require(node: syntax.Call) -> Function:
    """The function that is called.

    Raises:
        UnsupportedError: no such function here; ScriptError: the number of arguments is wrong.
    """
    _load()
    found = FUNCTIONS.get(node.name)
    if found is None:
        close = difflib.get_close_matches(node.name, FUNCTIONS, 1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise UnsupportedError(f"the function '{node.name}' is not supported{hint}", node.line)
    count = len(node.arguments)
    if count < found.least or (found.most is not None and count > found.most):
        raise ScriptError(f"'{node.name}' takes {_arity(found)}, not {count}", node.line)
    return found


def call(compiler: Compiler, node: syntax.Call) -> Typed:
    """The call as SQL.

    Raises:
        UnsupportedError, ScriptError: as `require`, and what is wrong with the arguments.
    """
    found = require(node)
    try:
        return found.compile(compiler, node)
    except DataFlowError as error:
        if error.line is None:
            raise type(error)(error.message, node.line) from error
        raise


def supported() -> list[str]:
    """The names of all functions."""
    _load()
    return sorted(FUNCTIONS)


@cache
def _load() -> None:
    for module in _MODULES:  # each registers what it defines
        import_module(f"adfkit.data_flows.functions.{module}")


def _arity(found: Function) -> str:
    if found.most is None:
        return f"{found.least} arguments or more"
    if found.least == found.most:
        return f"{found.least} argument{'s' if found.least != 1 else ''}"
    return f"{found.least} to {found.most} arguments"
