"""Secrets encrypted with a passphrase, in the scheme of the Pulumi CLI, so that either reads the other's state.

A salt line is `v1:<base64 of 8 bytes>:<the word "pulumi", encrypted>`; a ciphertext is `v1:<nonce>:<base64>`,
AES-256-GCM under a key of PBKDF2-SHA256 with 1,000,000 rounds.
https://www.pulumi.com/docs/iac/concepts/secrets/#changing-the-secrets-provider-for-a-stack
"""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adfkit.engine.errors import EngineError

ROUNDS: Final = 1_000_000
_KNOWN_WORD: Final = "pulumi"


@lru_cache(maxsize=8)
def _key(passphrase: str, salt: bytes) -> bytes:
    """The AES key; kept, since the rounds take a good part of a second."""
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, ROUNDS, 32)


class PassphraseCrypter:
    """Encrypts and decrypts the secrets of one stack.

    Equal plaintexts of one process get one ciphertext, so that saving a state again changes nothing in it and a secret
    shared by many resources is encrypted once.
    """

    def __init__(self, passphrase: str, salt_line: str | None = None) -> None:
        """Open an existing salt line, or make a new one.

        Raises:
            EngineError: the passphrase does not fit the salt line, or that is of another scheme.
        """
        salt = os.urandom(8) if salt_line is None else _salt_of(salt_line)
        self._cipher = AESGCM(_key(passphrase, salt))
        self._ciphertexts: dict[str, str] = {}
        self._lock = threading.Lock()
        if salt_line is None:
            self.salt_line = f"v1:{base64.b64encode(salt).decode()}:{self.encrypt(_KNOWN_WORD)}"
        else:
            self.salt_line = salt_line
            self._check(salt_line)

    def _check(self, salt_line: str) -> None:
        try:
            known = self.decrypt(salt_line.split(":", 2)[2])
        except EngineError:
            known = ""
        if known != _KNOWN_WORD:
            raise EngineError(
                "The passphrase does not open this stack's secrets. Set the passphrase that the stack was made with "
                "(PULUMI_CONFIG_PASSPHRASE)."
            )

    def encrypt(self, plaintext: str) -> str:
        """The ciphertext line of a text."""
        with self._lock:
            known = self._ciphertexts.get(plaintext)
            if known is None:
                nonce = os.urandom(12)
                sealed = self._cipher.encrypt(nonce, plaintext.encode(), None)
                known = f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"
                self._ciphertexts[plaintext] = known
            return known

    def decrypt(self, ciphertext: str) -> str:
        """The text of a ciphertext line.

        Raises:
            EngineError: it is of another scheme, or was not made with this key.
        """
        try:
            nonce, sealed = ciphertext.removeprefix("v1:").split(":")
            plaintext = self._cipher.decrypt(base64.b64decode(nonce), base64.b64decode(sealed), None).decode()
        except (ValueError, InvalidTag) as error:
            raise EngineError(
                "A secret cannot be decrypted: it was encrypted with another passphrase, or the text is damaged."
            ) from error
        with self._lock:
            self._ciphertexts.setdefault(plaintext, ciphertext)
        return plaintext


def _salt_of(salt_line: str) -> bytes:
    parts = salt_line.split(":", 2)
    if len(parts) != 3 or parts[0] != "v1":
        raise EngineError("The stack's encryption salt is not of the form `v1:<salt>:<check>` that a passphrase has.")
    return base64.b64decode(parts[1])
