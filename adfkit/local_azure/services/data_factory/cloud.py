"""The way from a deployed factory to the services that its activities call: real HTTPS, the factory's identity."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx

from adfkit.local_azure.cloud import SUFFIX
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure
from adfkit.local_azure.services.data_factory.runtime.factory import HttpRequest, HttpResponse
from adfkit.local_azure.services.storage.user_delegation import container_sas

STORAGE: Final = "Microsoft.Storage/storageAccounts"
SIGN: Final = f"{STORAGE}/blobServices/generateUserDelegationKey/action"
CHUNK: Final = 1 << 20
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
SIGNATURE_MINUTES: Final = 7 * 24 * 60


class PlatformCloud:
    """Calls as one factory. Only this cloud and this machine are reached: a local run cannot leave the machine."""

    def __init__(self, platform: Platform, factory_id: str) -> None:
        self._platform = platform
        self._factory_id = factory_id

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Make the call, without following redirects."""
        async with self._called(request) as response:
            return _answer(response, await response.aread())

    async def download(self, request: HttpRequest, to: Path) -> HttpResponse:
        """Make the call, and write what a success brings to a file as it comes."""
        async with self._called(request) as response:
            if not response.is_success:
                return _answer(response, await response.aread())
            with to.open("wb") as file:
                async for chunk in response.aiter_bytes(CHUNK):
                    await asyncio.to_thread(file.write, chunk)
            return _answer(response, b"")

    @asynccontextmanager
    async def _called(self, request: HttpRequest) -> AsyncIterator[httpx.Response]:
        _require_reachable(request.url)
        try:
            async with self._platform.http.stream(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.content,
                timeout=request.timeout,
                follow_redirects=False,
            ) as response:
                yield response
        except httpx.TimeoutException as error:
            raise ActivityFailure(
                "2108", f"Error calling the endpoint '{request.url}': no response within {request.timeout:g} seconds."
            ) from error
        except httpx.HTTPError as error:
            raise ActivityFailure(
                "2108",
                f"Error calling the endpoint '{request.url}'. Response status code: 'NA - Unknown'. "
                f"More details: the request did not reach the server: {error or type(error).__name__}",
            ) from error

    def token(self, audience: str, credential: str | None = None) -> str:
        """A token of the factory's identity, or of the user-assigned one that the credential names."""
        return self._platform.identity.issue(self._principal(credential), audience).token

    def identity(self, credential: str | None = None) -> str:
        """Who `token` speaks for."""
        principal = self._principal(credential)
        return f"the managed identity '{principal.display_name}' (object id {principal.object_id})"

    def call_back_url(self, activity_run: str, token: str) -> str:
        """An address at the region's host; its path and query are `callbacks.handle`'s."""
        region = str(self._platform.resources.require(self._factory_id).body.get("location", "global"))
        return f"https://{region}.svc.datafactory.{SUFFIX}/workflow/callback/{activity_run}?callBackToken={token}"

    def shared_access(self, account: str, container: str, credential: str | None = None) -> str:
        """A user delegation signature, valid for as long as Azure lets one be."""
        principal = self._principal(credential)
        found = next((each for each in self._platform.resources.of_type(STORAGE) if each.name == account), None)
        if found is None or not self._platform.identity.can(principal, found.id, action=SIGN):
            raise ActivityFailure(
                "2502",
                "Cannot access user storage account; please check storage account settings. "
                f"{self.identity(credential)} may not sign for the account '{account}' ({SIGN}).",
            )
        return container_sas(principal, account, container, minutes=SIGNATURE_MINUTES)

    def _principal(self, credential: str | None) -> Principal:
        factory = self._platform.resources.require(self._factory_id)
        identity = factory.body.get("identity") or {}
        if credential is None:
            if "systemassigned" not in str(identity.get("type", "")).lower():
                raise ActivityFailure(
                    "ManagedIdentityNotFound", f"The data factory '{factory.name}' has no system-assigned identity."
                )
            return self._platform.identity.managed_identity(factory.id, display_name=factory.name)
        resource_id = self._credential_resource(credential)
        assigned = {name.lower() for name in identity.get("userAssignedIdentities") or {}}
        resource = self._platform.resources.get(resource_id)
        if resource is None or resource_id.lower() not in assigned:
            raise ActivityFailure(
                "ManagedIdentityNotFound",
                f"The identity '{resource_id}' of credential '{credential}' is not assigned to the data factory.",
            )
        return self._platform.identity.managed_identity(resource.id, display_name=resource.name)

    def _credential_resource(self, credential: str) -> str:
        found = self._platform.resources.get(f"{self._factory_id}/credentials/{credential}")
        properties = found.properties if found else {}
        resource_id = (properties.get("typeProperties") or {}).get("resourceId")
        if properties.get("type") != "ManagedIdentity" or not resource_id:
            raise ActivityFailure(
                "CredentialNotSupported", f"The credential '{credential}' is not one of a user-assigned identity."
            )
        return str(resource_id)


def _require_reachable(url: str) -> None:
    """Refuse what lies beyond this cloud and this machine."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ActivityFailure("2108", f"Error calling the endpoint '{url}': it is no URL ({error}).") from error
    is_cloud = parts.scheme == "https" and parts.host.endswith(f".{SUFFIX}")
    if not is_cloud and not (parts.scheme in ("http", "https") and parts.host in LOOPBACK):
        raise ActivityFailure(
            "HostNotReachable",
            f"The endpoint '{url}' is refused: local Azure reaches https hosts under {SUFFIX} and servers of this "
            f"machine ({', '.join(sorted(LOOPBACK))}) only, so that a local run cannot leave the machine.",
        )


def _answer(response: httpx.Response, content: bytes) -> HttpResponse:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers.raw}
    return HttpResponse(status=response.status_code, reason=_reason(response), headers=headers, content=content)


def _reason(response: httpx.Response) -> str:
    try:
        return response.reason_phrase or HTTPStatus(response.status_code).phrase
    except ValueError:  # a status that HTTP does not name
        return str(response.status_code)
