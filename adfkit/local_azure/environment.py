"""The variables that point official clients at this cloud."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from adfkit.local_azure.cloud import LOGIN, METADATA_URL, SUBSCRIPTION_ID, TENANT_ID
from adfkit.local_azure.gateway.certificates import ca_bundle
from adfkit.local_azure.identity import Deployer
from adfkit.local_azure.processes import OUTSIDE_VARIABLE

_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""Variables of this machine that code in the cloud gets too; no credential is among them."""


def network_environment(folder: Path, proxy_port: int) -> dict[str, str]:
    """How to reach the cloud, and to trust it: proxy, CA files, metadata document, sign-in."""
    proxy = f"http://127.0.0.1:{proxy_port}"
    bundle = str(ca_bundle(folder))
    proxies = {name: proxy for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")}
    # not `localhost`, which would let every host of the cloud pass the proxy by
    exceptions = {"NO_PROXY": "127.0.0.1"}
    both_cases = {**proxies, **exceptions}
    return {
        **both_cases,
        **{name.lower(): value for name, value in both_cases.items()},
        "NODE_USE_ENV_PROXY": "1",
        "REQUESTS_CA_BUNDLE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "NODE_EXTRA_CA_CERTS": bundle,
        "ARM_CLOUD_METADATA_URL": METADATA_URL,
        "AZURE_AUTHORITY_HOST": LOGIN.rstrip("/"),
        "AZURE_TENANT_ID": TENANT_ID,
    }


def client_environment(folder: Path, proxy_port: int) -> dict[str, str]:
    """The base for a child process that runs in the cloud: complete, with a home of its own, without credentials."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed_on, "HOME": str(home), **network_environment(folder, proxy_port)}


def deployer_environment(folder: Path, proxy_port: int, deployer: Deployer) -> dict[str, str]:
    """What `adfkit local env` prints: the way to the cloud, and the deployer's credentials.

    `ADFKIT_OUTSIDE_ENVIRONMENT` remembers what the variables replace, for tools that must reach the outside.
    """
    variables = {
        **network_environment(folder, proxy_port),
        "AZURE_CLIENT_ID": deployer.client_id,
        "AZURE_CLIENT_SECRET": deployer.client_secret,
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION_ID,
    }
    outside = os.environ.get(OUTSIDE_VARIABLE) or json.dumps({name: os.environ.get(name) for name in sorted(variables)})
    return {**variables, OUTSIDE_VARIABLE: outside}
