"""The cloud's certificate authority, kept in the folder, and a certificate for each host that a client names."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

import trustme

from adfkit.local_azure.cloud import SUFFIX
from adfkit.local_azure.files import write_private

CA_FOLDER: Final = "ca"


def ca_bundle(folder: Path) -> Path:
    """The PEM file that clients trust; it holds this cloud's authority and no other."""
    return folder / CA_FOLDER / "ca.pem"


class CertificateAuthority:
    """Issues certificates by the name in the TLS handshake: any host below the cloud's suffix, however deep."""

    def __init__(self, folder: Path) -> None:
        self._bundle = ca_bundle(folder)
        key = self._bundle.with_name("ca-key.pem")
        if self._bundle.exists() and key.exists():
            self._ca = trustme.CA.from_pem(self._bundle.read_bytes(), key.read_bytes())
        else:
            self._ca = trustme.CA(organization_name="adfkit", organization_unit_name="Local Azure")
            write_private(key, self._ca.private_key_pem.bytes())
            write_private(self._bundle, self._ca.cert_pem.bytes())
        self._contexts: dict[str, ssl.SSLContext] = {}

    def server_context(self) -> ssl.SSLContext:
        """A context that answers each handshake with the certificate of the host it names."""
        context = self._context("localhost")
        context.sni_callback = self._choose
        return context

    def client_context(self) -> ssl.SSLContext:
        """A context that trusts this authority alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self._bundle.read_text())
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        if name is None or name == "localhost":
            return None
        if not name.lower().endswith(f".{SUFFIX}"):
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = self._context(name.lower())
        return None

    def _context(self, name: str) -> ssl.SSLContext:
        context = self._contexts.get(name)
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.set_alpn_protocols(["http/1.1"])
            self._ca.issue_cert(name).configure_cert(context)
            self._contexts[name] = context
        return context
