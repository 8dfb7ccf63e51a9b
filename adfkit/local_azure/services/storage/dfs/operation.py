"""One operation of the Data Lake service, read from its request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adfkit.local_azure.service import RequestContext
from adfkit.local_azure.services.storage.dfs import errors
from adfkit.local_azure.services.storage.dfs.tree import Tree
from adfkit.local_azure.services.storage.events import BlobEvents


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What is asked; `scope` is the resource id on which roles are looked up, `account_id` the account's."""

    method: str
    path: str
    query: Mapping[str, str]
    context: RequestContext
    tree: Tree
    account: str
    account_id: str
    filesystem: str
    scope: str
    events: BlobEvents

    def header(self, name: str) -> str | None:
        """A header of the request."""
        return self.context.request.headers.get(name)

    def flag(self, name: str) -> bool:
        """A parameter that is `true`."""
        return self.query.get(name, "").lower() == "true"

    def number(self, name: str) -> int:
        """A whole number that must be there.

        Raises:
            AzureError: 400.
        """
        text = self.query.get(name)
        if text is None:
            raise errors.missing_parameter(name)
        if not (text.isascii() and text.isdigit()):
            raise errors.invalid_parameter(name)
        return int(text)

    def record(self, kind: str, size: int | None = None) -> None:
        """Keep the event of the path's file for those who subscribed."""
        if self.events.wanted(self.account_id):
            self.events.record(self.account_id, kind, self.filesystem, self.path, size)

    def only(self, *names: str) -> dict[str, str]:
        """Those of the named headers that the request has."""
        return {name: value for name in names if (value := self.header(name)) is not None}
