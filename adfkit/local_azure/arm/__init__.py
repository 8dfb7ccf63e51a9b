"""Azure Resource Manager: every operation on every declared resource type."""

from __future__ import annotations

from adfkit.local_azure.arm.server import ArmServer

__all__ = ["ArmServer"]
