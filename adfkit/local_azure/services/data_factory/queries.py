"""The filters, orders and pages of the query APIs.

https://learn.microsoft.com/rest/api/datafactory/pipeline-runs/query-by-factory
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from adfkit.local_azure.services.data_factory import errors
from adfkit.local_azure.services.data_factory.runtime.records import Json

PAGE_SIZE: Final = 100
OPERATORS: Final[Mapping[str, Callable[[str, Sequence[str]], bool]]] = {
    "equals": lambda value, values: value in values,
    "notequals": lambda value, values: value not in values,
    "in": lambda value, values: value in values,
    "notin": lambda value, values: value not in values,
}


@dataclass(frozen=True, slots=True)
class Query:
    """The body of a query, checked."""

    after: datetime
    before: datetime
    filters: Sequence[Mapping[str, Any]]
    order: Sequence[Mapping[str, Any]]
    start: int

    @classmethod
    def read(cls, body: Json) -> Query:
        """
        Raises:
            AzureError: 400 names the field that is missing or wrong.
        """
        return cls(
            _time(body, "lastUpdatedAfter"),
            _time(body, "lastUpdatedBefore"),
            body.get("filters") or (),
            body.get("orderBy") or (),
            _start(body.get("continuationToken")),
        )


def answer(items: Sequence[Json], query: Query, fields: Mapping[str, str]) -> Json:
    """A page of the items that pass the filters, in the order asked for.

    Args:
        fields: operand in lower case to the item's key.

    Raises:
        AzureError: 400 for an operand or operator that the API does not have.
    """
    kept = [item for item in items if all(_passes(item, each, fields) for each in query.filters)]
    for order in reversed(query.order):
        key = _field(order.get("orderBy"), fields)
        kept.sort(key=lambda item: str(item.get(key) or ""), reverse=str(order.get("order")).upper() == "DESC")
    end = query.start + PAGE_SIZE
    page: Json = {"value": kept[query.start : end]}
    if end < len(kept):
        page["continuationToken"] = base64.urlsafe_b64encode(str(end).encode()).decode()
    return page


def _passes(item: Json, condition: Mapping[str, Any], fields: Mapping[str, str]) -> bool:
    operator = OPERATORS.get(str(condition.get("operator")).lower())
    if operator is None:
        raise errors.bad_request(f"The filter operator '{condition.get('operator')}' is not valid.")
    if str(condition.get("operand")).lower() == "latestonly":
        return True  # there are no recovery runs, so every run is its group's latest
    values = condition.get("values")
    if not isinstance(values, list):
        raise errors.bad_request(f"The filter on '{condition.get('operand')}' has no list of 'values'.")
    value = item.get(_field(condition.get("operand"), fields))
    return operator(str(value).lower(), [str(each).lower() for each in values])


def _field(operand: Any, fields: Mapping[str, str]) -> str:
    field = fields.get(str(operand).lower())
    if field is None:
        raise errors.bad_request(f"The operand '{operand}' is not valid here.")
    return field


def _time(body: Json, name: str) -> datetime:
    value = body.get(name)
    if value is None:
        raise errors.bad_request(f"The field '{name}' is required.")
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        raise errors.bad_request(f"The field '{name}' is not a time in ISO 8601: '{value}'.") from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def _start(token: Any) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(str(token)))
    except (ValueError, binascii.Error):
        raise errors.bad_request("The continuation token is not valid.") from None
