"""Routes as ASP.NET reads them, and host.json's time spans."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from adfkit.local_azure.services.web.bindings import HTTP, BindingTypes
from adfkit.local_azure.services.web.errors import DeploymentError, HostError
from adfkit.local_azure.services.web.functions import HttpFunction, Router, http_functions, read_functions
from adfkit.local_azure.services.web.models import App
from adfkit.local_azure.services.web.packages import unpack
from infra.function_package import zipped


def declared(name: str, route: str | None, *methods: str) -> dict[str, Any]:
    trigger = {"type": "httpTrigger", "name": "req", "direction": "IN", "route": route, "methods": list(methods)}
    return {"name": name, "bindings": [trigger, {"type": "http", "name": "$return", "direction": "OUT"}]}


def functions(declared: list[dict[str, Any]]) -> list[HttpFunction]:
    """As the host reads them."""
    return http_functions(read_functions(cast(App, None), declared, BindingTypes(HTTP)))


ROUTER = Router(
    functions(
        [
            declared("all", "{*path}"),
            declared("named", None),
            declared("item", "items/{id:int}", "GET"),
            declared("put_item", "items/{id:int}", "PUT"),
            declared("any_item", "items/{name}"),
            declared("fixed", "items/all"),
            declared("page", "pages/{number:int?}"),
        ]
    ),
    "api",
)


@pytest.mark.parametrize(
    ("method", "path", "function", "parameters"),
    [
        ("GET", "/api/named", "named", {}),
        ("GET", "/API/Named/", "named", {}),
        ("GET", "/api/items/7", "item", {"id": "7"}),
        ("PUT", "/api/items/7", "put_item", {"id": "7"}),
        ("POST", "/api/items/7", "any_item", {"name": "7"}),
        ("GET", "/api/items/x", "any_item", {"name": "x"}),
        ("GET", "/api/items/all", "fixed", {}),
        ("GET", "/api/pages", "page", {}),
        ("GET", "/api/pages/2", "page", {"number": "2"}),
        ("GET", "/api/a/b.c", "all", {"path": "a/b.c"}),
        ("GET", "/other", None, None),
    ],
)
def test_a_request_finds_its_function(method: str, path: str, function: str | None, parameters: Any) -> None:
    found = ROUTER.match(method, path)
    assert (found[0].name, found[1]) == (function, parameters) if found else function is None


@pytest.mark.parametrize(
    ("route", "says"),
    [
        ("items/{id:range(1,5)}", "The route of the function 'f' has the constraint 'range(1,5)'"),
        ("items/{id", "The route of the function 'f' can't be read at '{id'"),
    ],
)
def test_a_route_that_is_not_supported_is_named(route: str, says: str) -> None:
    with pytest.raises(HostError, match="f") as raised:
        Router(functions([declared("f", route)]), "api")
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [('"00:10:00"', 600), ('"1.00:00:01"', 86401), ('"-1"', float("inf")), ("null", 1800)],
)
def test_the_timeout_of_host_json(tmp_path: Path, timeout: str, seconds: float) -> None:
    host = f'{{"version": "2.0", "functionTimeout": {timeout}}}'
    assert unpack(zipped({"host.json": host.encode(), "function_app.py": b""}), tmp_path).timeout == seconds


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"host.json": b"{}"}, "The package has no function_app.py at its root, so it is no Python function app."),
        ({"host.json": b"{", "function_app.py": b""}, "host.json is not JSON"),
        (
            {"host.json": b'{"version": "2.0", "functionTimeout": "soon"}', "function_app.py": b""},
            "functionTimeout 'soon' is not of the form hh:mm:ss",
        ),
        (
            {"host.json": b'{"version": "2.0"}', "function_app.py": b"", "../../evil.py": b""},
            "The package's path '../../evil.py' leads out of it.",
        ),
    ],
    ids=["no app", "no JSON", "no time span", "path out of it"],
)
def test_a_package_that_is_none_says_why(tmp_path: Path, files: dict[str, bytes], says: str) -> None:
    with pytest.raises(DeploymentError) as raised:
        unpack(zipped(files), tmp_path / "site")
    assert says in str(raised.value)
    assert list(tmp_path.rglob("evil.py")) == []
