"""Where what belongs to a workspace lies on this machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

from adfkit.local_azure.platform import Platform


def home(platform: Platform, workspace: str) -> Path:
    """A workspace's folder; `workspace` is its resource id in lower case."""
    return platform.folder / "databricks" / hashlib.sha256(workspace.encode()).hexdigest()[:16]
