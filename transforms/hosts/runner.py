"""Runs a transform as it is declared, on whatever engine its frames are of."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals.stable.v2 as nw

from transforms.hosts.declaration import TYPES, Column, Declaration, DeclarationError, Transform
from transforms.hosts.window import Window


def run(
    declaration: Declaration,
    transform: Transform,
    frames: Mapping[str, nw.LazyFrame],
    window: Window | None = None,
) -> nw.LazyFrame:
    """The result with the declared columns, in their order and types, floats rounded to the declared precision.

    With a window it has the rows of that window only; the transform itself still sees its whole inputs, so that what
    it computes over several rows is what a run for the whole computes.

    Raises:
        DeclarationError: the result lacks a declared column, or the transform cannot run for a window.
    """
    result = transform(**frames)
    missing = {column.name for column in declaration.columns} - set(result.collect_schema().names())
    if missing:
        raise DeclarationError(f"The transform '{declaration.name}' returned no column {', '.join(sorted(missing))}.")
    typed = result.select(*(_typed(column, declaration.float_precision) for column in declaration.columns))
    return typed if window is None else window.rows(typed, declaration)


def only_partition(
    declaration: Declaration, frames: Mapping[str, nw.LazyFrame], values: Mapping[str, object]
) -> dict[str, nw.LazyFrame]:
    """The frames for a run of one partition; `values` has one value for each column of `partition_by`."""
    if set(values) != set(declaration.partition_by):
        columns = ", ".join(declaration.partition_by)
        raise DeclarationError(f"A partition of '{declaration.name}' is given by {columns}, not {', '.join(values)}.")
    wanted = nw.all_horizontal(*(nw.col(name) == value for name, value in values.items()), ignore_nulls=True)
    return {
        name: frame.filter(wanted) if declaration.inputs[name].partitioned else frame for name, frame in frames.items()
    }


def _typed(column: Column, precision: int) -> nw.Expr:
    value = nw.col(column.name)
    if column.type == "float64":
        # floor first: engines round halves unlike; round() after it: they divide unlike in the last digit
        scale = 10**precision
        value = ((value * scale + 0.5).floor() / scale).round(precision)
    return value.cast(TYPES[column.type])
