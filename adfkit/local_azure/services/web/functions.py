"""The functions of an app as its host sees them, and the routes of those with an HTTP trigger."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adfkit.local_azure.services.web.bindings import Binding, BindingTypes, is_output
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.models import App

CONSTRAINTS: Final[Mapping[str, str]] = {
    "int": r"[+-]?\d+",
    "long": r"[+-]?\d+",
    "alpha": r"[A-Za-z]+",
    "bool": r"(?i:true|false)",
    "guid": r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
}
BUILT_IN: Final = frozenset({"httptrigger", "http", "timertrigger"})
"""Types of bindings that the host has without any extension."""
PARAMETER: Final = re.compile(r"\{(?P<all>\*?)(?P<name>\w+)(?::(?P<constraint>[^}?]+))?(?P<optional>\??)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function; `kind` is the type of its trigger in lower case."""

    name: str
    kind: str
    trigger: Binding
    bindings: Sequence[Binding]

    @property
    def inputs(self) -> list[Binding]:
        """What is read before it runs."""
        return [binding for binding in self.bindings if binding is not self.trigger and not is_output(binding)]

    @property
    def outputs(self) -> list[Binding]:
        """What is written after it ran."""
        return [binding for binding in self.bindings if is_output(binding)]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFunction(Function):
    """One function with an HTTP trigger; `methods` in capitals, empty for all; `route` without the prefix."""

    route: str
    methods: frozenset[str]
    auth_level: str


class TriggeredFunction(Function):
    """One function with another trigger."""


def read_functions(app: App, declared: Sequence[Mapping[str, Any]], types: BindingTypes) -> list[Function]:
    """Check what a worker found.

    Raises:
        HostError: a binding that is not served here, by name; or an app without functions.
    """
    if not declared:
        raise HostError("No functions were found: the app's FunctionApp has none registered.")
    return [_function(app, function, types) for function in declared]


def _function(app: App, declared: Mapping[str, Any], types: BindingTypes) -> Function:
    name, bindings = str(declared["name"]), declared["bindings"]
    if declared.get("retry"):
        raise HostError(f"The function '{name}' has a retry policy, which local Azure does not support.")
    trigger = None
    for binding in bindings:
        type = types.of(name, binding)
        type.check(app, name, binding)
        trigger = binding if type.trigger else trigger
    if trigger is None:
        raise HostError(f"The function '{name}' has no trigger.")
    kind = str(trigger["type"]).lower()
    if kind != "httptrigger":
        return TriggeredFunction(name=name, kind=kind, trigger=trigger, bindings=bindings)
    return HttpFunction(
        name=name,
        kind=kind,
        trigger=trigger,
        bindings=bindings,
        route=str(trigger.get("route") or name).strip("/"),
        methods=frozenset(str(method).upper() for method in trigger.get("methods") or ()),
        auth_level=str(trigger.get("authLevel") or "function").lower(),
    )


def require_extensions(functions: Sequence[Function], host: Mapping[str, Any]) -> None:
    """Refuse functions whose bindings come with the extension bundle where host.json names none.

    Raises:
        HostError: as the host says it.
    """
    types = {str(binding["type"]) for function in functions for binding in function.bindings}
    wanted = sorted(type for type in types if type.lower() not in BUILT_IN)
    if wanted and not (host.get("extensionBundle") or {}).get("id"):
        raise HostError(
            f"The binding type(s) '{', '.join(wanted)}' are not registered. Please ensure the type is correct and the "
            "binding extension is installed: host.json needs an extensionBundle, such as "
            "Microsoft.Azure.Functions.ExtensionBundle of [4.*, 5.0.0)."
        )


def http_functions(functions: Sequence[Function]) -> list[HttpFunction]:
    """Those with an HTTP trigger."""
    return [function for function in functions if isinstance(function, HttpFunction)]


def triggered_functions(functions: Sequence[Function]) -> list[TriggeredFunction]:
    """Those with another trigger."""
    return [function for function in functions if isinstance(function, TriggeredFunction)]


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
