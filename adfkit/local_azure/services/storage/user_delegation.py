"""User delegation SAS on a container: made for those whom a service lets upload, checked by the blob data plane.

The account key plays no part, so such a SAS works where shared keys are off, and it can do no more than the identity
that it stands for. The key lies in local Azure's folder, so that what was signed before a restart is good after it. The
string to sign is that of version 2022-11-02:
https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from adfkit.local_azure.cloud import HOME_TENANT_ID
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.files import write_private
from adfkit.local_azure.identity.principals import Principal

VERSION: Final = "2022-11-02"
PARAMETERS: Final = ("sp", "st", "se", "skoid", "sktid", "skt", "ske", "sks", "skv", "spr", "sv", "sr", "sig")
"""What such a SAS puts into the query; all to be taken off before a request is passed on."""

_key = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class Delegation:
    """A verified SAS: the identity it stands for, and the letters of what it allows (`rwl`...)."""

    object_id: str
    permissions: str


def use_key(path: Path) -> None:
    """Sign with the key of a file, made at first."""
    global _key
    if not path.exists():
        write_private(path, secrets.token_bytes(32))
    _key = path.read_bytes()


def container_sas(
    principal: Principal, account: str, container: str, *, permissions: str = "rcwl", minutes: int = 60
) -> str:
    """The query string (no leading `?`) with which a holder acts on the container as the principal for some minutes."""
    start = _time(datetime.now(UTC) - timedelta(minutes=5))
    expiry = _time(datetime.now(UTC) + timedelta(minutes=minutes))
    query = {
        "sp": permissions,
        "st": start,
        "se": expiry,
        "skoid": principal.object_id,
        "sktid": HOME_TENANT_ID,
        "skt": start,
        "ske": expiry,
        "sks": "b",
        "skv": VERSION,
        "spr": "https",
        "sv": VERSION,
        "sr": "c",
    }
    return urlencode({**query, "sig": _signature(query, account, container)})


def verify(query: Mapping[str, str], account: str, container: str) -> Delegation | None:
    """The delegation of a request's query; None where it holds no user delegation SAS.

    Raises:
        AzureError: 403 `AuthenticationFailed` for a SAS that is not ours, of another container, or expired.
    """
    if "skoid" not in query or "sig" not in query:
        return None
    if query.get("sv") != VERSION or query.get("sr") != "c":
        raise _failed(f"Only container SAS of version {VERSION} are supported here.")
    if not hmac.compare_digest(query["sig"], _signature(query, account, container)):
        raise _failed("Signature did not match.")
    if not query.get("st", "") <= _time(datetime.now(UTC)) < query.get("se", ""):
        raise _failed(f"Signature not valid in the specified time frame: {query.get('st')} - {query.get('se')}.")
    return Delegation(query["skoid"], query.get("sp", ""))


def _signature(query: Mapping[str, str], account: str, container: str) -> str:
    head = [query.get("sp", ""), query.get("st", ""), query.get("se", ""), f"/blob/{account.lower()}/{container}"]
    key = [query.get(name, "") for name in ("skoid", "sktid", "skt", "ske", "sks", "skv")]
    unused = ["", "", "", ""]  # authorised and unauthorised user, correlation id, IP range
    tail = [query.get("spr", ""), query.get("sv", ""), query.get("sr", ""), "", "", "", "", "", "", ""]
    text = "\n".join([*head, *key, *unused, *tail])
    return base64.b64encode(hmac.new(_key, text.encode(), hashlib.sha256).digest()).decode()


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _failed(reason: str) -> AzureError:
    return AzureError(
        403,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of the Authorization header is formed "
        f"correctly including the signature. {reason}",
    )
