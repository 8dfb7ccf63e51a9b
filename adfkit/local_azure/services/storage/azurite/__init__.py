"""Azurite, the blob store behind the gateway: the npm package that pins it, and the processes that run it."""

from adfkit.local_azure.services.storage.azurite.install import install_azurite
from adfkit.local_azure.services.storage.azurite.stores import Azurite

__all__ = ["Azurite", "install_azurite"]
