"""Azure Resource Manager for the provider: tokens, retries and polling are those of Azure's own core libraries."""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Mapping
from typing import Any, Final

from azure.core.exceptions import AzureError as AzureCoreError
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import (
    CustomHookPolicy,
    HeadersPolicy,
    RequestIdPolicy,
    RetryPolicy,
    UserAgentPolicy,
)
from azure.core.polling import LROPoller
from azure.core.rest import HttpRequest
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.core.polling.arm_polling import ARMPolling

from adfkit.engine.provider import ProviderError
from adfkit.local_azure.provider.connection import RETRIES, Connection

logging.getLogger("azure.identity").addHandler(logging.NullHandler())  # its warnings are what our error says
DEFAULT_TIMEOUT: Final = 3600.0
POLL_INTERVAL: Final = 5.0
"""Seconds between polls where the service does not say."""


class ArmFailure(ProviderError):
    """An error that ARM answered with; `status` is 0 where there was no answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.status = status
        self.code = code


class ArmClient:
    """Requests to one Azure Resource Manager. Safe to use from several threads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._credential = connection.credential()
        self._client: ARMPipelineClient[Any, Any] = ARMPipelineClient(
            base_url=connection.resource_manager,
            policies=[
                RequestIdPolicy(),
                HeadersPolicy(),
                UserAgentPolicy("adfkit"),
                RetryPolicy(retry_total=RETRIES, retry_backoff_factor=0.5),
                CustomHookPolicy(),
                ARMChallengeAuthenticationPolicy(self._credential, connection.scope),
            ],
        )
        self._lock = threading.Lock()
        self._claims: Mapping[str, Any] | None = None

    def get(self, id: str, api_version: str) -> dict[str, Any] | None:
        """The resource's body, or None where it does not exist.

        Raises:
            ArmFailure: any other error.
        """
        try:
            return self._send("GET", id, api_version)
        except ArmFailure as failure:
            if failure.status == 404:
                return None
            raise

    def put(self, id: str, api_version: str, body: dict[str, Any], timeout: float = 0) -> dict[str, Any]:
        """Create or change a resource, wait until that is done (`timeout` in seconds), and return its body."""
        result = self._send("PUT", id, api_version, body, timeout)
        return result if result is not None else (self.get(id, api_version) or {})

    def delete(self, id: str, api_version: str, timeout: float = 0) -> None:
        """Delete a resource and wait until it is gone; one that is gone already is no error."""
        try:
            self._send("DELETE", id, api_version, timeout=timeout)
        except ArmFailure as failure:
            if failure.status != 404:
                raise

    def claims(self) -> Mapping[str, Any]:
        """The claims of the token in use: who deploys (`oid`, `appid`), in which tenant (`tid`)."""
        with self._lock:
            if self._claims is None:
                try:
                    token = self._credential.get_token(self.connection.scope).token
                except AzureCoreError as error:
                    raise _sign_in_failure(error) from error
                payload = token.split(".")[1]
                self._claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            return self._claims

    def _send(
        self, method: str, id: str, api_version: str, body: dict[str, Any] | None = None, timeout: float = 0
    ) -> dict[str, Any] | None:
        url = f"{self.connection.resource_manager.rstrip('/')}{id}"
        request = HttpRequest(method, url, params={"api-version": api_version}, json=body)
        try:
            answer = self._client.send_request(request, _return_pipeline_response=True)
            response = answer.http_response
            response.read()
            _refuse_errors(response)
            if method == "GET":
                return _json(response)
            return self._wait(answer, timeout or DEFAULT_TIMEOUT, f"{method} {id}")
        except HttpResponseError as error:
            raise (_failure(error) if error.response else _sign_in_failure(error)) from error
        except AzureCoreError as error:
            raise self._unreachable(f"{method} {id}", error) from error

    def _unreachable(self, what: str, error: AzureCoreError) -> ArmFailure:
        cause = error.inner_exception or error
        while isinstance(cause.args[-1] if cause.args else None, Exception):  # the innermost says it shortest
            cause = cause.args[-1]
        return ArmFailure(
            0,
            "",
            f"{what}: {self.connection.resource_manager} cannot be reached ({cause}). Check the network and "
            "HTTPS_PROXY; local Azure must be running (`adfkit local status`).",
        )

    def _wait(self, answer: Any, timeout: float, what: str) -> dict[str, Any] | None:
        poller: LROPoller[Any] = LROPoller(
            self._client, answer, lambda pipeline: _json(pipeline.http_response), ARMPolling(timeout=POLL_INTERVAL)
        )
        poller.wait(timeout)
        if not poller.done():
            raise ArmFailure(0, "", f"{what} has not ended after {timeout:g} seconds.")
        result: dict[str, Any] | None = poller.result()
        return result


def _refuse_errors(response: Any) -> None:
    if response.status_code >= 400:
        raise HttpResponseError(response=response)


def _json(response: Any) -> dict[str, Any] | None:
    if response.status_code == 204 or not response.text():
        return None
    body: dict[str, Any] = response.json()
    return body


def _sign_in_failure(error: AzureCoreError) -> ArmFailure:
    """What a person needs of an error of azure-identity, which lists every credential that it might have tried."""
    lines = [line.strip() for line in str(error.message).splitlines()]
    tried = next((line for line in lines if "authentication failed" in line.lower()), None)
    advice = (
        "no credential was found. Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (`adfkit local env` "
        "prints them for local Azure), or sign in with `az login`."
    )
    return ArmFailure(0, "", f"Signing in to Azure failed: {tried or advice}")


def _failure(error: HttpResponseError) -> ArmFailure:
    detail = error.error
    if detail is not None and detail.code:
        more = "".join(f" [{inner.code}: {inner.message}]" for inner in detail.details or [])
        return ArmFailure(error.status_code or 0, detail.code, f"{detail.message}{more}")
    return ArmFailure(error.status_code or 0, "", _message(error))


def _message(error: AzureCoreError) -> str:
    return str(error.message).strip().split("\n")[0]
