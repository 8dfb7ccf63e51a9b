"""Every transformation by its name in scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Final

from adfkit.data_flows.compiler import Compiler, Environment
from adfkit.data_flows.errors import ScriptError, unsupported
from adfkit.data_flows.streams import Built, Stream
from adfkit.data_flows.syntax import Call, Property, Transformation

NEUTRAL: Final = frozenset(
    {
        "allowSchemaDrift",
        "validateSchema",
        "broadcast",
        "partitionBy",
        "skipDuplicateMapInputs",
        "skipDuplicateMapOutputs",
    }
)
"""What does not change the rows: partitioning and hints, and what is done anyway."""


@dataclass(frozen=True, slots=True)
class Context:
    """A transformation to build, and what it is built from."""

    transformation: Transformation
    inputs: Sequence[Stream]
    environment: Environment

    @property
    def first(self) -> Stream:
        return self.inputs[0]

    def compiler(self) -> Compiler:
        """Sees the columns of the inputs, the first as `i`, the second as `j`."""
        return Compiler.of(self.environment, *zip("ij", self.inputs, strict=False))


Build = Callable[[Context], Built | list[Built]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of transformation: how many streams go in (no maximum is None), which properties and calls it knows."""

    name: str
    build: Build
    least: int
    most: int | None
    properties: frozenset[str]
    calls: frozenset[str]


KINDS: Final[dict[str, Kind]] = {}


def transformation(
    name: str, *, inputs: int = 1, most: int | None = 1, properties: Sequence[str] = (), calls: Sequence[str] = ()
) -> Callable[[Build], Build]:
    """Registers how a kind is built. `calls` are those that have a meaning of their own as its arguments."""

    def register(build: Build) -> Build:
        maximum = None if most is None else max(inputs, most)
        KINDS[name] = Kind(name, build, inputs, maximum, frozenset(properties) | NEUTRAL, frozenset(calls))
        return build

    return register


def kind_of(node: Transformation) -> Kind:
    """The kind of a transformation, its inputs and properties checked.

    Raises:
        UnsupportedError: the kind, or one of its properties, is not known here; ScriptError: wrong number of inputs.
    """
    _load()
    kind = KINDS.get(node.kind)
    if kind is None:
        raise unsupported(f"the transformation '{node.kind}' of '{node.name}'", node.line)
    count = len(node.inputs)
    if count < kind.least or (kind.most is not None and count > kind.most):
        raise ScriptError(f"'{node.kind}' takes {kind.least} streams, not {count}", node.line)
    for argument in node.arguments:
        if isinstance(argument, Property) and argument.name not in kind.properties:
            raise unsupported(f"the property '{argument.name}' of '{node.kind}'", argument.line)
    return kind


def expressions(node: Transformation, calls: Sequence[str]) -> list[Call]:
    """The arguments that are calls of these, others but `partitionBy` refused.

    Raises:
        UnsupportedError: an argument has no meaning here.
    """
    for argument in node.arguments:
        if isinstance(argument, Call) and argument.name not in (*calls, "partitionBy"):
            raise unsupported(f"'{argument.name}' in '{node.kind}'", argument.line)
    return node.calls(*calls)


@cache
def _load() -> None:
    for module in ("columns", "groups", "joins", "nested", "rows"):  # each registers what it defines
        import_module(f"adfkit.data_flows.transformations.{module}")
