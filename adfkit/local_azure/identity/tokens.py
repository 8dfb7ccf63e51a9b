"""Access tokens: JWTs signed with RS256, with the claims that Microsoft Entra ID gives an application.

https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from adfkit.local_azure.cloud import HOME_TENANT_ID, LOGIN, TENANT_ID
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.files import write_private
from adfkit.local_azure.identity.principals import Principal

ISSUER: Final = f"{LOGIN}{TENANT_ID}"
LIFETIME: Final = 3600
"""Seconds that a token lives."""
_REQUIRED: Final = ["iss", "aud", "oid", "iat", "nbf", "exp"]


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token; `expires_on` in seconds since the epoch."""

    token: str
    expires_on: int


class TokenSigner:
    """Signs and checks tokens with the key in `<folder>/signing-key.pem` (made at first use, readable by its owner)."""

    def __init__(self, folder: Path) -> None:
        self._key = _load_key(folder / "signing-key.pem")
        self._public = self._key.public_key()
        numbers = self._public.public_numbers()
        self._modulus = _base64url(numbers.n)
        self._exponent = _base64url(numbers.e)
        self.key_id = hashlib.sha256(self._modulus.encode()).hexdigest()[:32]

    def key_set(self) -> dict[str, Any]:
        """The JSON Web Key Set that verifies the tokens."""
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.key_id, "n": self._modulus, "e": self._exponent}
        return {"keys": [key]}

    def issue(self, principal: Principal, audience: str, lifetime: int = LIFETIME) -> AccessToken:
        """Sign a token for an audience, as spelled by who asks."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": audience,
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "appid": principal.client_id,
            "azp": principal.client_id,
            "appidacr": "1" if principal.kind == "ServicePrincipal" else "2",
            "idtyp": "app",
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": HOME_TENANT_ID,
            "uti": uuid4().hex,
            "ver": "1.0",
        }
        if principal.resource_id is not None:
            claims["xms_mirid"] = principal.resource_id
        return AccessToken(jwt.encode(claims, self._key, "RS256", headers={"kid": self.key_id}), now + lifetime)

    def claims(self, token: str, audiences: frozenset[str]) -> dict[str, Any]:
        """The claims of a token after checks of signature, issuer, lifetime and audience.

        Raises:
            AzureError: 401 with the codes and words of Azure Resource Manager.
        """
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._public,
                ["RS256"],
                issuer=ISSUER,
                options={"require": _REQUIRED, "verify_aud": False},
                leeway=5,
            )
        except jwt.ExpiredSignatureError as error:
            raise _expired(token) from error
        except jwt.PyJWTError as error:
            raise AzureError(401, "InvalidAuthenticationToken", f"The access token is invalid. {error}.") from error
        if claims["aud"] not in audiences:
            allowed = ",".join(f"'{audience}'" for audience in sorted(audiences))
            raise AzureError(
                401,
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{claims['aud']}'. It should "
                f"exactly match with one of the allowed audiences {allowed}.",
            )
        return claims


def _expired(token: str) -> AzureError:
    expiry = jwt.decode(token, options={"verify_signature": False})["exp"]
    return AzureError(
        401,
        "ExpiredAuthenticationToken",
        f"The access token expiry UTC time '{datetime.fromtimestamp(expiry, UTC):%m/%d/%Y %I:%M:%S %p}' is earlier "
        f"than current UTC time '{datetime.now(UTC):%m/%d/%Y %I:%M:%S %p}'.",
    )


def _load_key(path: Path) -> RSAPrivateKey:
    if not path.exists():
        key = generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(path, pem)
        return key
    loaded = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(loaded, RSAPrivateKey):
        raise TypeError(f"{path} does not hold an RSA key")
    return loaded


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
