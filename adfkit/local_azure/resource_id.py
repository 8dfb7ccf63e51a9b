"""Azure resource ids: parsed once, compared without case, as ARM does."""

from __future__ import annotations

from dataclasses import dataclass

from adfkit.local_azure.errors import AzureError


@dataclass(frozen=True, slots=True)
class ResourceId:
    """A parsed id: `scope` is what stands before the last `/providers/`, `type` the full type, `names` one a segment.

    A subscription has type `Microsoft.Resources/subscriptions`, a resource group
    `Microsoft.Resources/resourceGroups`; both are parsed from their short forms.
    """

    text: str
    type: str
    names: tuple[str, ...]
    subscription_id: str | None
    resource_group: str | None
    scope: str

    @property
    def name(self) -> str:
        """The last segment's name."""
        return self.names[-1]

    @property
    def key(self) -> str:
        """The id in the form to compare and store by: lower case, no trailing slash."""
        return self.text.lower()

    @property
    def parent(self) -> str:
        """The id of what holds this: the parent resource, else the resource group or other scope."""
        if len(self.names) > 1:
            return self.text.rsplit("/", 2)[0]
        return self.scope


def parse(text: str) -> ResourceId:
    """Parse an ARM id or scope.

    Raises:
        AzureError: 400 `InvalidResourceId` where segments do not pair up or a part is empty.
    """
    text = "/" + text.strip("/")
    segments = text.strip("/").split("/")
    lower = [segment.lower() for segment in segments]
    if "" in segments:
        raise _invalid(text)
    subscription = segments[1] if len(segments) > 1 and lower[0] == "subscriptions" else None
    group = segments[3] if subscription and len(segments) > 3 and lower[2] == "resourcegroups" else None
    if "providers" not in lower:
        if subscription and len(segments) == 2:
            return ResourceId(text, "Microsoft.Resources/subscriptions", (subscription,), subscription, None, "")
        if group and len(segments) == 4:
            scope = f"/subscriptions/{subscription}"
            return ResourceId(text, "Microsoft.Resources/resourceGroups", (group,), subscription, group, scope)
        raise _invalid(text)
    start = len(lower) - 1 - lower[::-1].index("providers")
    rest = segments[start + 1 :]
    if len(rest) < 3 or len(rest) % 2 == 0:
        raise _invalid(text)
    scope = "/" + "/".join(segments[:start]) if start else ""
    return ResourceId(text, "/".join([rest[0], *rest[1::2]]), tuple(rest[2::2]), subscription, group, scope)


def _invalid(text: str) -> AzureError:
    return AzureError(400, "InvalidResourceId", f"'{text}' is not a valid resource id.")
