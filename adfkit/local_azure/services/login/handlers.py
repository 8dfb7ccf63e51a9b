"""Discovery, keys and tokens.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

from starlette.responses import JSONResponse, Response

from adfkit.local_azure.cloud import HOME_TENANT_ID, LOGIN, TENANT_ID
from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.identity import AccessToken
from adfkit.local_azure.identity.tokens import ISSUER
from adfkit.local_azure.service import RequestContext
from adfkit.local_azure.services.login import errors

_TENANTS: Final = frozenset({TENANT_ID, HOME_TENANT_ID})
_FORM_LIMIT: Final = 64 * 1024


async def login(context: RequestContext) -> Response:
    """Route a request to `login.`: `/{tenant}/...`, with and without `v2.0`."""
    tenant, _, rest = context.request.url.path.strip("/").partition("/")
    if tenant.lower() not in _TENANTS:
        raise errors.unknown_tenant(tenant)
    path = "/".join(part for part in rest.lower().split("/") if part != "v2.0")
    method = context.request.method
    if path == ".well-known/openid-configuration" and method == "GET":
        return JSONResponse(_discovery(tenant))
    if path == "discovery/keys" and method == "GET":
        return JSONResponse(context.platform.identity.signer.key_set())
    if path == "oauth2/token" and method == "POST":
        return await _token(context, tenant)
    raise not_implemented(f"{method} {context.request.url.path} at the login host; it signs in applications only")


def _discovery(tenant: str) -> dict[str, Any]:
    base = f"{LOGIN}{tenant}"
    return {
        "issuer": ISSUER,
        "authorization_endpoint": f"{base}/oauth2/authorize",
        "token_endpoint": f"{base}/oauth2/token",
        "jwks_uri": f"{base}/discovery/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


async def _token(context: RequestContext, tenant: str) -> Response:
    form = await _form(context)
    grant = form.get("grant_type", "")
    if grant != "client_credentials":
        raise errors.unsupported_grant(grant) if grant else errors.missing("grant_type")
    client_id, secret = _client(context, form)
    audience = _audience(form)
    try:
        principal = context.platform.identity.sign_in(client_id, secret)
    except KeyError as error:
        raise errors.unknown_application(client_id, tenant) from error
    if principal is None:
        raise errors.invalid_secret(client_id)
    token = context.platform.identity.issue(principal, audience)
    body = {**_token_body(token), "resource": audience}
    return JSONResponse(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _client(context: RequestContext, form: Mapping[str, str]) -> tuple[str, str]:
    """The client's id and secret, from the form or from basic authentication."""
    scheme, _, value = context.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise errors.missing("client_id") from error
        return unquote_plus(client_id), unquote_plus(secret)
    if "client_assertion" in form:
        raise not_implemented("client assertions (certificates) at the token endpoint; use a client secret")
    for parameter in ("client_id", "client_secret"):
        if not form.get(parameter):
            raise errors.missing(parameter)
    return form["client_id"], form["client_secret"]


def _audience(form: Mapping[str, str]) -> str:
    """The audience that `resource` (v1) names, or `scope` (v2) with `/.default` behind it."""
    if form.get("resource"):
        return form["resource"]
    scopes = [scope for scope in form.get("scope", "").split() if scope not in ("openid", "profile", "offline_access")]
    if not scopes:
        raise errors.missing("scope")
    if len(scopes) > 1 or not scopes[0].endswith("/.default"):
        raise errors.invalid_scope(" ".join(scopes))
    return scopes[0].removesuffix("/.default")


async def managed_identity(context: RequestContext) -> Response:
    """`GET /msi/token`: App Service's protocol (`X-IDENTITY-HEADER`) and Azure ML's (`secret`).

    `POST` takes a client's credentials in a form, which is all that Hadoop's storage driver can be told to send to an
    endpoint of another name: id of the identity, and the secret of the running process.

    Raises:
        AzureError: 401 for a secret that stands for nobody, 400 for a missing resource or another identity.
    """
    request = context.request
    if request.url.path != "/msi/token" or request.method not in ("GET", "POST"):
        raise AzureError(404, "NotFound", f"The managed identity endpoint has no {request.method} {request.url.path}.")
    query = request.query_params if request.method == "GET" else await _form(context)
    secret = request.headers.get("x-identity-header") or request.headers.get("secret") or ""
    if request.method == "POST":
        secret = query.get("client_secret", "")
    principal = context.platform.identity.endpoint_principal(secret)
    if principal is None:
        raise AzureError(401, "unauthorized_client", "The identity header or secret is not that of a running process.")
    asked = query.get("client_id") or query.get("clientid")
    if (asked and asked.lower() != principal.client_id) or _names_another(query, principal.object_id):
        raise AzureError(
            400, "invalid_request", f"No managed identity of this process has what was asked for: {_asked(query)}."
        )
    resource = query.get("resource")
    if not resource:
        raise AzureError(400, "invalid_request", "The query parameter 'resource' is required.")
    token = context.platform.identity.issue(principal, resource)
    body = {**_token_body(token), "resource": resource, "client_id": principal.client_id}
    # both protocols give the times as text
    return JSONResponse({**body, "expires_on": str(token.expires_on), "expires_in": str(body["expires_in"])})


def _names_another(query: Mapping[str, str], object_id: str) -> bool:
    asked = query.get("object_id") or query.get("principal_id")
    return bool(asked) and str(asked).lower() != object_id


def _asked(query: Mapping[str, str]) -> str:
    told = ("client_id", "clientid", "object_id", "principal_id", "mi_res_id", "msi_res_id")
    return ", ".join(f"{name} '{value}'" for name, value in query.items() if name in told)


def _token_body(token: AccessToken) -> dict[str, Any]:
    lifetime = token.expires_on - int(time.time())
    return {
        "token_type": "Bearer",
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "expires_on": token.expires_on,
        "access_token": token.token,
    }


async def _form(context: RequestContext) -> dict[str, str]:
    body = b""
    async for chunk in context.request.stream():
        body += chunk
        if len(body) > _FORM_LIMIT:
            raise errors.LoginError(413, "invalid_request", 90100, "The request body is too large.")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
