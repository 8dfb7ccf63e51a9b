"""Which data plane answers at a host name."""

from __future__ import annotations

from collections.abc import Iterable

from adfkit.local_azure.cloud import SUFFIX
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.service import DataPlane


class Hosts:
    """Matches a host's labels against the data planes' patterns; a literal label goes before a named one."""

    def __init__(self, planes: Iterable[DataPlane]) -> None:
        patterns = [(plane.host.lower().split("."), plane) for plane in planes]
        self._patterns = sorted(patterns, key=lambda pair: sum(_is_named(label) for label in pair[0]))

    def match(self, name: str) -> tuple[DataPlane, dict[str, str]]:
        """The data plane of a `Host` header, and the labels that its pattern names.

        Raises:
            AzureError: 404 `HostNotFound`.
        """
        bare = name.partition(":")[0].lower().rstrip(".")
        labels = bare.removesuffix(f".{SUFFIX}").split(".")
        if bare.endswith(f".{SUFFIX}"):
            for pattern, plane in self._patterns:
                named = _match(pattern, labels)
                if named is not None:
                    return plane, named
        raise AzureError(404, "HostNotFound", f"No service of local Azure answers at '{bare}'.")


def _match(pattern: list[str], labels: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(labels):
        return None
    named = {}
    for expected, label in zip(pattern, labels, strict=True):
        if _is_named(expected):
            named[expected[1:-1]] = label
        elif expected != label:
            return None
    return named


def _is_named(label: str) -> bool:
    return label.startswith("{")
