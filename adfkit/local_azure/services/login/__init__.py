"""Microsoft Entra ID's endpoints for applications, and the managed identity endpoint of hosting services."""

from __future__ import annotations

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import DataPlane, Service
from adfkit.local_azure.services.login.errors import render_login_error
from adfkit.local_azure.services.login.handlers import login, managed_identity


class LoginService(Service):
    """Hosts `login` (discovery, keys, tokens) and `identity` (tokens for code that runs in the cloud)."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self.data_planes = (
            DataPlane(host="login", audiences=frozenset(), handle=login, render_error=render_login_error),
            DataPlane(host="identity", audiences=frozenset(), handle=managed_identity, render_error=render_login_error),
        )
