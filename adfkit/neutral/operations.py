"""The operations of Narwhals whose results agree on Polars and Spark; `tests/neutral` tries each on both.

Not every operation that agreed in one trial is here: where a dialect (regular expressions, formats) or the order of
rows decides, what was tried says nothing of what a transform will write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limit:
    """The values that an argument may have, which must be written as such; types are given by their names.

    Attributes:
        position: of the argument, where it is not named.
        default: what it is where it is not given.
    """

    argument: str
    position: int | None
    allowed: tuple[object, ...]
    default: object


FREE: Final = None
NEUTRAL: Final[Mapping[str, Limit | None]] = {
    # frames
    **dict.fromkeys(("select", "with_columns", "filter", "drop", "drop_nulls", "rename", "unpivot", "group_by", "agg")),
    "unique": Limit("subset", 0, (None,), None),
    "join": Limit("how", 2, ("inner", "left", "semi", "anti", "cross"), "inner"),
    "nw.concat": Limit("how", None, ("vertical",), "vertical"),
    # aggregates, and over groups
    **dict.fromkeys(("len", "count", "n_unique", "null_count", "sum", "min", "max", "mean", "median", "std")),
    **dict.fromkeys(("any", "all", "over", "shift", "diff", "cum_sum", "is_duplicated", "is_unique")),
    # values
    **dict.fromkeys(("alias", "abs", "floor", "ceil", "sqrt", "exp", "log", "clip", "fill_null")),
    **dict.fromkeys(("is_null", "is_in", "is_between", "replace_strict", "then", "otherwise")),
    "cast": Limit("dtype", 0, ("Int64", "Float64", "Boolean"), None),
    **dict.fromkeys(("nw.col", "nw.lit", "nw.len", "nw.when", "nw.coalesce", "nw.concat_str")),
    **dict.fromkeys(("nw.all_horizontal", "nw.any_horizontal", "nw.max_horizontal", "nw.min_horizontal")),
    **dict.fromkeys(("nw.sum_horizontal", "nw.mean_horizontal")),
    # texts
    **dict.fromkeys(("str.to_lowercase", "str.to_uppercase", "str.starts_with", "str.ends_with", "str.len_chars")),
    **dict.fromkeys(("str.slice", "str.head", "str.tail", "str.strip_chars", "str.zfill")),
    "str.contains": Limit("literal", None, (True,), False),
    "str.replace_all": Limit("literal", None, (True,), False),
    # times
    **dict.fromkeys(("dt.year", "dt.month", "dt.day", "dt.hour", "dt.minute", "dt.second", "dt.ordinal_day")),
    "dt.truncate": Limit("every", 0, ("1h", "1d", "1mo"), None),
}
"""By operation: how it is written (`nw.` before functions, the namespace before its methods), and its limit."""

INSTEAD: Final[Mapping[str, str]] = {
    "round": "engines round halves unlike: leave it to float_precision in transform.toml",
    "dt.weekday": "engines number week days unlike: compute it from year, month and day, as transforms/flights does",
    "dt.to_string": "formats differ between engines: keep the time, or its year, month and day as numbers",
    "dt.convert_time_zone": "times are in UTC on every engine: bring local dates and hours as columns of the input",
    "dt.replace_time_zone": "times are in UTC on every engine",
    "dt.millisecond": "engines differ before 1970: use dt.second",
    "dt.microsecond": "engines differ before 1970: use dt.second",
    "str.to_datetime": "formats differ between engines: declare the input's column as timestamp",
    "str.to_date": "formats differ between engines: declare the input's column as timestamp",
    "str.replace": "use str.replace_all(..., literal=True)",
    "sort": "rows have no order until the host writes them, sorted by their values",
    "head": "rows have no order until the host writes them: use filter",
    "tail": "rows have no order until the host writes them: use filter",
    "with_row_index": "rows have no order until the host writes them: use a key of the input",
    "to_native": "what is native to one engine is not there on another",
    "nw.from_native": "the host makes the frames",
    "map_batches": "Python functions do not run on every engine: use when, then, otherwise",
    "collect": "the host collects the result",
    "unique": "which row of those with equal keys stays differs: use group_by and agg",
    "cast": "texts of floats and times differ, other types are not on every engine: cast to Int64, Float64 or Boolean",
    "str.contains": "regular expressions differ between engines: give literal=True, or use starts_with and ends_with",
    "str.replace_all": "regular expressions differ between engines: give literal=True",
}
"""What to do in place of operations that people are likely to write."""
