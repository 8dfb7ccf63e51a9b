"""Reads a transform's source, and names each operation in it that is not a neutral one."""

from __future__ import annotations

import ast
import difflib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from adfkit.neutral.operations import INSTEAD, NEUTRAL, Limit

NAMESPACES = frozenset({"str", "dt", "cat", "list", "struct", "name"})
OWN = "transforms"
LITERALS = (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.DictComp)
"""What a method of Python's own is called on."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An operation that may give other values on another engine, and what to use instead."""

    file: str
    line: int
    operation: str
    instead: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: '{self.operation}' may differ between engines: {self.instead}"


def refusals(folder: Path) -> list[Refusal]:
    """What is not neutral in the modules of a transform's folder; paths are told from the folder's parent's parent."""
    return [
        refusal
        for path in sorted(folder.rglob("*.py"))
        for refusal in check(path.read_text(encoding="utf-8"), path.relative_to(folder.parent.parent).as_posix())
    ]


def check(source: str, file: str) -> list[Refusal]:
    """What is not neutral in a module; a file that is no Python is one refusal."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return [Refusal(file, error.lineno or 1, (error.text or "").strip(), f"it is no Python: {error.msg}")]
    names = _Names(tree)
    found = [*_imports(tree, file), *_calls(tree, file, names)]
    return sorted(found, key=lambda refusal: refusal.line)


class _Names:
    """What a module calls Narwhals, and the functions that it imports from it."""

    def __init__(self, tree: ast.Module) -> None:
        self.modules: set[str] = set()
        self.functions: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self.modules |= {each.asname or each.name for each in node.names if _root(each.name) == "narwhals"}
            elif isinstance(node, ast.ImportFrom) and _root(node.module or "") == "narwhals":
                for each in node.names:
                    self.functions[each.asname or each.name] = each.name


def _imports(tree: ast.Module, file: str) -> Iterator[Refusal]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                modules = [each.name for each in names]
            case ast.ImportFrom(level=0, module=str(module)):
                modules = [module]
            case _:
                continue
        for module in modules:
            if _root(module) not in sys.stdlib_module_names | {"narwhals", OWN}:
                what = "a transform imports narwhals and Python's own modules only, so that it runs on every engine"
                yield Refusal(file, node.lineno, f"import {module}", what)


def _calls(tree: ast.Module, file: str, names: _Names) -> Iterator[Refusal]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (operation := _operation(node.func, names)) is not None:
            if operation not in NEUTRAL:
                yield Refusal(file, _line(node), operation, INSTEAD.get(operation) or _nearest(operation))
            elif (limit := NEUTRAL[operation]) is not None and not _within(node, limit):
                allowed = ", ".join(str(each) for each in limit.allowed)
                instead = INSTEAD.get(operation) or f"write {limit.argument} as one of {allowed}"
                yield Refusal(file, _line(node), f"{operation}({limit.argument}={_given(node, limit)})", instead)


def _operation(function: ast.expr, names: _Names) -> str | None:
    """How `NEUTRAL` writes what is called; None where it is nothing of Narwhals."""
    if isinstance(function, ast.Name):
        name = names.functions.get(function.id)
        return f"nw.{name}" if name is not None and _is_function(name) else None
    if not isinstance(function, ast.Attribute):
        return None
    owner = function.value
    if ast.unparse(owner) in names.modules:
        return f"nw.{function.attr}" if _is_function(function.attr) else None
    if isinstance(owner, ast.Attribute) and owner.attr in NAMESPACES:
        return f"{owner.attr}.{function.attr}"
    if isinstance(owner, LITERALS) or function.attr not in _methods():
        return None
    return function.attr


def _is_function(name: str) -> bool:
    """Types are named, not called, as operations go."""
    return not name[:1].isupper()


@cache
def _methods() -> frozenset[str]:
    """The names of Narwhals' methods on frames, expressions and groups."""
    import narwhals.stable.v2 as nw

    owners = (nw.LazyFrame, nw.DataFrame, nw.Expr)
    public = {name for owner in owners for name in dir(owner) if not name.startswith("_")}
    return frozenset(public | {"agg", "then", "otherwise"})


def _within(call: ast.Call, limit: Limit) -> bool:
    return _given(call, limit) in limit.allowed


def _given(call: ast.Call, limit: Limit) -> object:
    """The argument's value: of a type its name, of what is not written as a value its source."""
    for keyword in call.keywords:
        if keyword.arg == limit.argument:
            return _value(keyword.value)
    if limit.position is not None and limit.position < len(call.args):
        return _value(call.args[limit.position])
    return limit.default


def _value(node: ast.expr) -> object:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Call(func=function):
            return _value(function)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ast.unparse(node)


def _nearest(operation: str) -> str:
    close = difflib.get_close_matches(operation, NEUTRAL, 3, 0.8)
    return f"use {' or '.join(close)}" if close else "adfkit/neutral/operations.py lists those that do not"


def _line(call: ast.Call) -> int:
    """Where the operation's name stands, in a chain over several lines."""
    return call.func.end_lineno or call.lineno


def _root(module: str) -> str:
    return module.partition(".")[0]
