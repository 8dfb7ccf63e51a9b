"""Requests to a host's REST API: tried again where the host asks for that, and refused in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

TRIES = 5
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
AGAIN = frozenset({429, 500, 502, 503, 504})
READ_ONLY = frozenset({401, 403, 404})
"""What hosts answer to a token that may not write: GitHub hides what a token must not see as 404."""


class CommentError(Exception):
    """The host refused, or couldn't be reached. `forbidden`: the token lacks the right."""

    def __init__(self, message: str, *, forbidden: bool = False) -> None:
        super().__init__(message)
        self.forbidden = forbidden


class Rest:
    """A client of one REST API."""

    def __init__(self, headers: Mapping[str, str], *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = httpx.Client(headers=dict(headers), timeout=30, follow_redirects=True)
        self._sleep = sleep

    def request(self, method: str, url: str, body: Any = None) -> httpx.Response:
        """The answer to a request that succeeded, at the latest on the last try.

        Raises:
            CommentError: it did not.
        """
        wait, last = FIRST_WAIT_SECONDS, ""
        for tried in range(TRIES):
            if tried:
                self._sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
            try:
                response = self._client.request(method, url, json=body)
            except httpx.TransportError as error:
                last = f"{type(error).__name__}: {error}"
                continue
            asked = _retry_after(response)
            if response.is_success:
                return response
            last = f"{response.status_code} {response.reason_phrase}: {_message(response)}"
            if (
                response.status_code not in AGAIN and asked is None
            ):  # GitHub's secondary limit is a 403 with Retry-After
                raise CommentError(f"{method} {url}: {last}", forbidden=response.status_code in READ_ONLY)
            wait = min(asked, LONGEST_WAIT_SECONDS) if asked is not None else wait
        raise CommentError(f"{method} {url} failed {TRIES} times, at last with {last}")


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After")
    if value is None:
        return None
    if value.isdigit():
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0)
    except ValueError:
        return None


def _message(response: httpx.Response) -> str:
    try:
        document = response.json()
    except ValueError:
        document = None
    if isinstance(document, dict) and isinstance(document.get("message"), str):
        return str(document["message"])
    return " ".join(response.text.split())[:200]
