"""The functions of an app as its host sees them: HTTP triggers with routes, and those with other triggers.

Triggers and bindings that are not supported are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adfkit.local_azure.services.web.errors import HostError

CONSTRAINTS: Final[Mapping[str, str]] = {
    "int": r"[+-]?\d+",
    "long": r"[+-]?\d+",
    "alpha": r"[A-Za-z]+",
    "bool": r"(?i:true|false)",
    "guid": r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
}
PARAMETER: Final = re.compile(r"\{(?P<all>\*?)(?P<name>\w+)(?::(?P<constraint>[^}?]+))?(?P<optional>\??)\}")
HTTP_TRIGGER: Final = "httptrigger"
SUPPORTED: Final = ("httpTrigger", "http")
"""The types of bindings; a function has one whose type ends with Trigger."""
KNOWN: Final = frozenset(name.lower() for name in SUPPORTED)


@dataclass(frozen=True, slots=True)
class HttpFunction:
    """One function with an HTTP trigger; `methods` in capitals, empty for all; `route` without the prefix."""

    name: str
    route: str
    methods: frozenset[str]
    auth_level: str
    bindings: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class TriggeredFunction:
    """One function with another trigger; `kind` is that trigger's type in lower case, `trigger` its binding."""

    name: str
    kind: str
    trigger: Mapping[str, Any]
    bindings: Sequence[Mapping[str, Any]]


Function = HttpFunction | TriggeredFunction


def read_functions(declared: Sequence[Mapping[str, Any]]) -> list[Function]:
    """Check what a worker found.

    Raises:
        HostError: a binding that is not served here, by name; or an app without functions.
    """
    if not declared:
        raise HostError("No functions were found: the app's FunctionApp has none registered.")
    return [_function(function["name"], function["bindings"]) for function in declared]


def http_functions(functions: Sequence[Function]) -> list[HttpFunction]:
    """Those with an HTTP trigger."""
    return [function for function in functions if isinstance(function, HttpFunction)]


def triggered_functions(functions: Sequence[Function]) -> list[TriggeredFunction]:
    """Those with another trigger."""
    return [function for function in functions if isinstance(function, TriggeredFunction)]


def _function(name: str, bindings: Sequence[Mapping[str, Any]]) -> Function:
    for binding in bindings:
        if str(binding["type"]).lower() not in KNOWN:
            raise HostError(
                f"The function '{name}' has a binding of the type '{binding['type']}', which local Azure does not "
                f"support; it supports {', '.join(SUPPORTED)}."
            )
    trigger = next((binding for binding in bindings if str(binding["type"]).lower().endswith("trigger")), None)
    if trigger is None:
        raise HostError(f"The function '{name}' has no trigger.")
    kind = str(trigger["type"]).lower()
    if kind != HTTP_TRIGGER:
        return TriggeredFunction(name, kind, trigger, bindings)
    return HttpFunction(
        name=name,
        route=str(trigger.get("route") or name).strip("/"),
        methods=frozenset(str(method).upper() for method in trigger.get("methods") or ()),
        auth_level=str(trigger.get("authLevel") or "function").lower(),
        bindings=bindings,
    )


@dataclass(frozen=True, slots=True)
class Route:
    """One function at one path pattern."""

    function: HttpFunction
    pattern: re.Pattern[str]
    rank: tuple[int, ...]


class Router:
    """Finds the function of a request, as ASP.NET routing does: literal segments first, a catch-all last."""

    def __init__(self, functions: Sequence[HttpFunction], prefix: str) -> None:
        """Raises HostError where a route cannot be read."""
        routes = [_route(function, prefix) for function in functions]
        self._routes = sorted(routes, key=lambda route: route.rank)

    def match(self, method: str, path: str) -> tuple[HttpFunction, dict[str, str]] | None:
        """The function and its route parameters, or None (404, also where only the method differs)."""
        for route in self._routes:
            found = route.pattern.fullmatch(path.strip("/"))
            if found and (not route.function.methods or method in route.function.methods):
                return route.function, {name: value for name, value in found.groupdict().items() if value is not None}
        return None


def _route(function: HttpFunction, prefix: str) -> Route:
    segments = [segment for segment in f"{prefix}/{function.route}".split("/") if segment]
    pattern, rank = "", []
    for segment in segments:
        part, optional, order = _segment(segment, function.name)
        slash = "/" if pattern else ""
        pattern += f"(?:{slash}{part})?" if optional else slash + part
        rank.append(order)
    return Route(function, re.compile(pattern, re.IGNORECASE), tuple(rank))


def _segment(segment: str, function: str) -> tuple[str, bool, int]:
    """The expression of one segment, whether it may be left out, and its rank."""
    optional = False
    order = 0

    def expression(found: re.Match[str]) -> str:
        nonlocal optional, order
        optional = optional or bool(found["optional"]) or bool(found["all"])
        order = 3 if found["all"] else 1 if found["constraint"] else 2
        if found["constraint"] and found["constraint"].lower() not in CONSTRAINTS:
            raise HostError(
                f"The route of the function '{function}' has the constraint '{found['constraint']}', which local Azure "
                f"does not support; it supports {', '.join(CONSTRAINTS)}."
            )
        default = ".*" if found["all"] else "[^/]+"
        return f"(?P<{found['name']}>{CONSTRAINTS.get((found['constraint'] or '').lower(), default)})"

    text = _substitute(segment, expression)
    if "{" in PARAMETER.sub("", segment):
        raise HostError(f"The route of the function '{function}' can't be read at '{segment}'.")
    return text, optional, order


def _substitute(segment: str, expression: Callable[[re.Match[str]], str]) -> str:
    """The segment with parameters replaced and all else taken literally."""
    parts, end = [], 0
    for found in PARAMETER.finditer(segment):
        parts += [re.escape(segment[end : found.start()]), expression(found)]
        end = found.end()
    return "".join([*parts, re.escape(segment[end:])])
