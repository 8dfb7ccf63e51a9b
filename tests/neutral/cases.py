"""Operations of Narwhals, each applied to rows that engines treat unlike; the same code runs on Polars and on Spark.

A case is named by the operation that it tries, and words for what about it. This module is imported beside Spark too,
where nothing but Narwhals and PySpark is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import narwhals.stable.v2 as nw

col, lit, when = nw.col, nw.lit, nw.when
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = {"i": "int64", "j": "int64", "n": "int64", "x": "float64", "s": "string", "b": "bool", "t": "timestamp"}
ROWS: list[tuple[Any, ...]] = [
    (1, 7, 3, 0.125, "abc", True, datetime(2013, 1, 1, tzinfo=UTC)),
    (2, 7, 0, 2.5, "ABC", False, datetime(2012, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)),
    (3, -7, 12, -2.5, "é ß", True, datetime(1969, 12, 31, 23, 0, 0, 1, tzinfo=UTC)),
    (4, None, 5, None, None, None, None),
    (5, 0, 100, 1e9, "", False, datetime(2024, 12, 30, 12, 30, tzinfo=UTC)),
    (6, 2**40, 7, 0.005, " a b ", True, datetime(2013, 3, 31, 1, 30, tzinfo=UTC)),
    (7, -1, 1, -0.0, "2013-01-02", None, datetime(2000, 1, 1, 0, 0, 1, tzinfo=UTC)),
    (8, 7, 3, 1 / 3, "abc", True, datetime(2013, 1, 1, tzinfo=UTC)),
]
"""`i` counts; `n` is never negative or null; of the others some are."""
OTHER_COLUMNS = {"j": "int64", "k": "string"}
OTHER_ROWS: list[tuple[Any, ...]] = [(7, "seven"), (-7, "minus"), (0, None), (99, "none"), (-1, "é")]

EXPRESSIONS: dict[str, nw.Expr] = {
    "over": col("n").sum().over("j"),
    "over, the least": col("n").min().over("j"),
    "shift": col("n").shift(1).over("s", order_by="i"),
    "cum_sum": col("n").cum_sum().over("s", order_by="i"),
    "diff": col("n").diff().over("s", order_by="i"),
    "is_duplicated": col("j").is_duplicated(),
    "is_unique": col("j").is_unique(),
    "alias": col("j").alias("other"),
    "nw.col": col("j"),
    "nw.lit": lit("é"),
    "nw.lit a number": col("n") + lit(1),
    "nw.lit a time": col("t") >= lit(datetime(2013, 1, 1, tzinfo=UTC)),
    "abs": col("j").abs(),
    "floor": col("x").floor(),
    "ceil": col("x").ceil(),
    "sqrt": col("n").cast(nw.Float64).sqrt(),
    "exp": (col("n").cast(nw.Float64) / 100.0).exp(),
    "log": (col("n") + 1).cast(nw.Float64).log(),
    "clip": col("j").clip(-1, 5),
    "fill_null": col("j").fill_null(0),
    "fill_null of texts": col("s").fill_null("none"),
    "is_null": col("j").is_null(),
    "is_in": col("s").is_in(["abc", "é ß"]),
    "is_in numbers": col("j").is_in([7, 0]),
    "is_between": col("j").is_between(-7, 7, closed="left"),
    "replace_strict": col("n").replace_strict([3, 0], [30, 1], default=5, return_dtype=nw.Int64),
    "nw.when": when(col("j") > 0).then(col("n")),
    "then": when(col("b")).then(col("s")),
    "otherwise": when(col("j") > 0).then(lit("yes")).otherwise(lit("no")),
    "nw.coalesce": nw.coalesce(col("j"), col("n")),
    "nw.all_horizontal": nw.all_horizontal(col("b"), col("j") > 0, ignore_nulls=False),
    "nw.all_horizontal without nulls": nw.all_horizontal(col("b"), col("j") > 0, ignore_nulls=True),
    "nw.any_horizontal": nw.any_horizontal(col("b"), col("j") > 0, ignore_nulls=False),
    "nw.any_horizontal without nulls": nw.any_horizontal(col("b"), col("j") > 0, ignore_nulls=True),
    "nw.max_horizontal": nw.max_horizontal(col("j"), col("n")),
    "nw.min_horizontal": nw.min_horizontal(col("j"), col("n")),
    "nw.sum_horizontal": nw.sum_horizontal(col("j"), col("n")),
    "nw.mean_horizontal": nw.mean_horizontal(col("i"), col("n")),
    "nw.concat_str": nw.concat_str(col("s"), lit("é"), separator="-"),
    "nw.concat_str without nulls": nw.concat_str(col("s"), lit("é"), separator="-", ignore_nulls=True),
    "cast": col("j").cast(nw.Float64),
    "cast to a whole number": col("x").cast(nw.Int64),
    "cast of a boolean": col("b").cast(nw.Int64),
    "cast to a boolean": col("j").cast(nw.Boolean),
    "str.to_lowercase": col("s").str.to_lowercase(),
    "str.to_uppercase": col("s").str.to_uppercase(),
    "str.starts_with": col("s").str.starts_with("a"),
    "str.ends_with": col("s").str.ends_with("c"),
    "str.contains": col("s").str.contains("b", literal=True),
    "str.replace_all": col("s").str.replace_all("b", "é", literal=True),
    "str.len_chars": col("s").str.len_chars(),
    "str.slice": col("s").str.slice(1, 2),
    "str.head": col("s").str.head(2),
    "str.tail": col("s").str.tail(2),
    "str.strip_chars": col("s").str.strip_chars(),
    "str.zfill": col("s").str.zfill(5),
    "dt.year": col("t").dt.year(),
    "dt.month": col("t").dt.month(),
    "dt.day": col("t").dt.day(),
    "dt.hour": col("t").dt.hour(),
    "dt.minute": col("t").dt.minute(),
    "dt.second": col("t").dt.second(),
    "dt.ordinal_day": col("t").dt.ordinal_day(),
    "dt.truncate": col("t").dt.truncate("1h"),
    "dt.truncate to days": col("t").dt.truncate("1d"),
    "dt.truncate to months": col("t").dt.truncate("1mo"),
    "+": col("j") + col("n"),
    "-": col("j") - col("n"),
    "*": col("i") * col("n"),
    "/": col("j") / col("i"),
    "/ by zero": col("i") / col("n"),
    "//": col("j") // 3,
    "%": col("j") % 5,
    "**": col("n") ** 2,
    "==": col("s") == "abc",
    "!=": col("s") != "abc",
    "<": col("s") < "b",
    "<=": col("x") <= 0.0,
    "&": col("b") & (col("j") > 0),
    "|": col("b") | (col("j") > 0),
    "~": ~col("b"),
}
"""Values of rows."""

DIFFERENT: dict[str, nw.Expr] = {
    "round": col("x").round(0),
    "dt.weekday": col("t").dt.weekday(),
    "dt.microsecond": col("t").dt.microsecond(),
    "cast to a text": col("x").cast(nw.String),
}
"""Operations that are refused since their values differ."""

AGGREGATES: dict[str, nw.Expr] = {
    "agg": col("n").sum(),
    "nw.len": nw.len(),
    "len": col("x").len(),
    "count": col("x").count(),
    "n_unique": col("s").n_unique(),
    "null_count": col("x").null_count(),
    "sum": col("n").sum(),
    "sum of floats": col("x").sum(),
    "min": col("n").min(),
    "min of texts": col("s").min(),
    "max": col("x").max(),
    "max of times": col("t").max(),
    "mean": col("n").mean(),
    "median": col("n").median(),
    "std": col("n").std(),
    "any": col("b").any(),
    "all": col("b").all(),
}
"""Values of groups, by a key that may be null; a group may be all null."""

Frame = Callable[[nw.LazyFrame, nw.LazyFrame], nw.LazyFrame]


def joined(how: Any) -> Frame:
    return lambda frame, other: frame.select("i", "j").join(other, on="j", how=how)


FRAMES: dict[str, Frame] = {
    "select": lambda frame, _: frame.select("i", col("s")),
    "with_columns": lambda frame, _: frame.with_columns((col("n") * 2).alias("n")).select("i", "n"),
    "filter": lambda frame, _: frame.filter(col("b")).select("i"),
    "drop": lambda frame, _: frame.drop("x", "t", "b"),
    "drop_nulls": lambda frame, _: frame.drop_nulls(subset=["j"]).select("i", "b").drop_nulls(),
    "rename": lambda frame, _: frame.select("i").rename({"i": "value"}),
    "unique": lambda frame, _: frame.select("j", "s").unique(),
    "join": joined("inner"),
    "join left": joined("left"),
    "join semi": joined("semi"),
    "join anti": joined("anti"),
    "join cross": lambda frame, other: frame.select("i").join(other, how="cross"),
    "nw.concat": lambda frame, _: nw.concat([frame.select("i"), frame.select("i")], how="vertical"),
    "unpivot": lambda frame, _: frame.select("i", "j", "n").unpivot(on=["j", "n"], index="i"),
    "group_by": lambda frame, _: frame.group_by("j").agg(
        **{f"a{number}": expression for number, expression in enumerate(AGGREGATES.values())}
    ),
    "sum of nothing": lambda frame, _: frame.filter(col("n") < 0).select(col("n").sum().alias("value")),
}


def outcomes(frame: nw.LazyFrame, other: nw.LazyFrame) -> dict[str, Any]:
    """What each case gives, as JSON has it: of an expression its value by `i`, of a frame its sorted rows."""
    values = {f"e{number}": expression for number, expression in enumerate((EXPRESSIONS | DIFFERENT).values())}
    found: dict[str, Any] = {}
    by_row = sorted(_rows(frame.select("i", **values)), key=lambda row: row[0])
    for number, name in enumerate(EXPRESSIONS | DIFFERENT, start=1):
        found[name] = [row[number] for row in by_row]
    for name, case in FRAMES.items():
        result = case(frame, other)
        found[name] = [sorted(_rows(result), key=repr), result.collect_schema().names()]
    return found


def _rows(frame: nw.LazyFrame) -> list[list[Any]]:
    native: Any = frame.to_native()
    collected = native.collect()
    return [[_canonical(value) for value in row] for row in getattr(collected, "rows", lambda: collected)()]


def _canonical(value: Any) -> Any:
    """Numbers to two digits, as a host writes them, and of any type, since it casts to the declared one."""
    match value:
        case bool() | None:
            return value
        case int() | float() if abs(value) < 1e15:
            return int((value * 100 + 0.5) // 1)
        case datetime():
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)
            return f"{(aware - EPOCH) // (aware.resolution)} microseconds"
        case _:
            return str(value)
