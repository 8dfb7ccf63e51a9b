"""The services of local Azure, in the order in which they start."""

from __future__ import annotations

from typing import Final

from adfkit.local_azure.service import Service
from adfkit.local_azure.services.login import LoginService

SERVICES: Final[tuple[type[Service], ...]] = (LoginService,)
