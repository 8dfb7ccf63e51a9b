"""The workspace that the step runs in, through the official client."""

from __future__ import annotations

import os

from azure.ai.ml import MLClient
from azure.core.credentials import TokenCredential


def connect(credential: TokenCredential) -> MLClient:
    """A client of the workspace that Azure ML names in the environment of every step."""
    return MLClient(
        credential,
        os.environ["AZUREML_ARM_SUBSCRIPTION"],
        os.environ["AZUREML_ARM_RESOURCEGROUP"],
        os.environ["AZUREML_ARM_WORKSPACE_NAME"],
        show_progress=False,
    )
