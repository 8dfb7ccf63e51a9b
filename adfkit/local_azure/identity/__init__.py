"""Who may do what: principals, tokens, role assignments, and the endpoints that give a process its managed identity."""

from adfkit.local_azure.identity.directory import Deployer, Identity
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.identity.tokens import AccessToken

__all__ = ["AccessToken", "Deployer", "Identity", "Principal"]
