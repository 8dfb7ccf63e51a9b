"""What is not clear is refused before anything is authorized."""

from __future__ import annotations

import pytest

from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.services.storage.addresses import decode_path, decode_query
from adfkit.local_azure.services.storage.operations import target


@pytest.mark.parametrize(
    "raw",
    [
        "/landing/../other/x",
        "/landing/%2e%2E/other/x",
        "/landing/..%2Fother/x",
        "/landing/..%5cother",
        "/landing/./x",
        "//landing/x",
        "/landing/%zz",
        "/landing/%",
        "/landing/%ff%fe",
    ],
)
def test_paths_that_could_name_two_things_are_refused(raw: str) -> None:
    with pytest.raises(AzureError) as caught:
        decode_path(raw)
    assert (caught.value.status, caught.value.code) == (400, "InvalidUri")


@pytest.mark.parametrize("raw", ["comp=list&comp=metadata", "Comp=list", "%63omp=x&comp=y", "restype=container=x"])
def test_parameters_that_choose_the_operation_are_clear(raw: str) -> None:
    with pytest.raises(AzureError) as caught:
        decode_query(raw)
    assert caught.value.code == "InvalidQueryParameterValue"


def test_what_is_clear_is_decoded() -> None:
    assert decode_path("/landing/a%20b/%C3%BC+...txt") == "/landing/a b/ü+...txt"
    query = decode_query("restype=container&comp=list&prefix=a%2Bb+c&marker=&x=a=b")
    assert query == {"restype": "container", "comp": "list", "prefix": "a+b c", "marker": "", "x": "a=b"}
    assert decode_query("") == {}


@pytest.mark.parametrize(
    ("path", "query", "level", "container", "blob"),
    [
        ("/", {}, "service", "", ""),
        ("/landing", {"restype": "container"}, "container", "landing", ""),
        ("/landing/", {"restype": "container"}, "container", "landing", ""),
        ("/landing/a/b", {}, "blob", "landing", "a/b"),
        ("/at-the-root", {}, "blob", "$root", "at-the-root"),
    ],
)
def test_a_path_names_the_service_a_container_or_a_blob(
    path: str, query: dict[str, str], level: str, container: str, blob: str
) -> None:
    on = target(path, query)
    assert (on.level, on.container, on.blob) == (level, container, blob)
