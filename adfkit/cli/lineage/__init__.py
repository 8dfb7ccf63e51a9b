"""Where a dataset version came from, and which models were trained on it: from tags and manifests alone."""

from __future__ import annotations

from adfkit.cli.lineage.collect import collect
from adfkit.cli.lineage.links import Lineage
from adfkit.cli.lineage.mermaid import mermaid

__all__ = ["Lineage", "collect", "mermaid"]
