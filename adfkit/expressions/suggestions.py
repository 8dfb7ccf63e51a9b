"""Names that someone may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from adfkit.expressions.functions import all_functions

_LOGIC_APPS_ONLY = frozenset(
    {"addproperty", "body", "chunk", "datedifference", "decimal", "formatnumber", "isfloat", "isint", "outputs"}
    | {"parameters", "parsedatetime", "removeproperty", "result", "reverse", "setproperty", "slice", "sort"}
    | {"urihost", "uripath", "uripathandquery", "uriport", "uriquery", "urischeme", "workflow"}
)


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `name`, without regard to case; None if none is alike."""
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """` Did you mean 'x'?`, or nothing."""
    candidate = closest(name, candidates)
    return f" Did you mean '{candidate}'?" if candidate else ""


def unknown_function(name: str) -> str:
    """Azure's sentence for a function that isn't there, and what may help."""
    if name.casefold() in _LOGIC_APPS_ONLY:
        hint = " Logic Apps has it, Data Factory doesn't."
    else:
        hint = did_you_mean(name, (function.name for function in all_functions()))
    return f"The template function '{name}' is not defined or not valid.{hint}"
