"""Pipelines of a factory's Git folder, run by the runtime itself with stubs in the place of outside activities."""

from __future__ import annotations

from adfkit.local_azure.services.data_factory.folder_runs.artifacts import FolderArtifacts
from adfkit.local_azure.services.data_factory.folder_runs.errors import FolderRunError
from adfkit.local_azure.services.data_factory.folder_runs.report import Report
from adfkit.local_azure.services.data_factory.folder_runs.run import run_pipeline
from adfkit.local_azure.services.data_factory.folder_runs.stubs import Stubs

__all__ = ["FolderArtifacts", "FolderRunError", "Report", "Stubs", "run_pipeline"]
