"""The functions of the language, by category: one module each, declared in a registry."""

from __future__ import annotations

from adfkit.expressions.functions import (
    arithmetic,
    collection,
    conversion,
    dates,
    encoding,
    logical,
    scopes,
    strings,
    xml,
)
from adfkit.expressions.functions.signatures import REGISTRY, Function

MODULES = (strings, collection, logical, conversion, encoding, xml, arithmetic, dates, scopes)


def find(name: str) -> Function | None:
    """The function of that name in any case; None if the language has none."""
    return REGISTRY.find(name)


def all_functions() -> tuple[Function, ...]:
    """Every function of the language."""
    return REGISTRY.all()
