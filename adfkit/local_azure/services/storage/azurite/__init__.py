"""Azurite, the store behind the gateway: the npm package that pins it, and the processes that run it."""

from adfkit.local_azure.services.storage.azurite.install import install_azurite
from adfkit.local_azure.services.storage.azurite.stores import BLOBS, QUEUES, Azurite

__all__ = ["BLOBS", "QUEUES", "Azurite", "install_azurite"]
