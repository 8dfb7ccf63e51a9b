"""The logs of one pipeline run, from every service that had a part in it, in the order of time."""

from __future__ import annotations

from adfkit.cli.run_logs.collect import Logs, collect
from adfkit.cli.run_logs.entries import Entry

__all__ = ["Entry", "Logs", "collect"]
