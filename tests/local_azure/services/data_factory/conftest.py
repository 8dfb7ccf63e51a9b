"""A factory of a real local Azure, reached by azure-mgmt-datafactory as it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.mgmt.datafactory import DataFactoryManagementClient
from azure.mgmt.datafactory.models import ActivityRun, PipelineRun, RunFilterParameters
from azure.mgmt.resource.resources import ResourceManagementClient

from adfkit.local_azure import cloud
from tests.conftest import LocalAzure

GROUP = "data-factory-tests"
ARM = {"base_url": cloud.RESOURCE_MANAGER, "credential_scopes": [f"{cloud.RESOURCE_MANAGER}.default"]}


class FactoryClient:
    """One factory, and short ways to what tests do with it."""

    def __init__(self, local_azure: LocalAzure, name: str) -> None:
        self.name = name
        self.client = DataFactoryManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)

    def put(self, kind: str, name: str, properties: dict[str, Any], **options: Any) -> Any:
        return getattr(self.client, kind).create_or_update(
            GROUP, self.name, name, {"properties": properties}, **options
        )

    def pipeline(self, name: str, *activities: dict[str, Any], **properties: Any) -> None:
        self.put("pipelines", name, {"activities": list(activities), **properties})

    def start(self, pipeline: str, **parameters: Any) -> str:
        return str(self.client.pipelines.create_run(GROUP, self.name, pipeline, parameters=parameters).run_id)

    def get(self, run_id: str) -> PipelineRun:
        return self.client.pipeline_runs.get(GROUP, self.name, run_id)

    def wait(self, run_id: str, seconds: float = 60) -> PipelineRun:
        end = time.monotonic() + seconds
        while (run := self.get(run_id)).status in ("Queued", "InProgress", "Canceling"):
            assert time.monotonic() < end, f"run {run_id} is {run.status} after {seconds} seconds"
            time.sleep(0.05)
        return run

    def run(self, pipeline: str, **parameters: Any) -> PipelineRun:
        return self.wait(self.start(pipeline, **parameters))

    def window(self, **options: Any) -> RunFilterParameters:
        now, day = datetime.now(UTC), timedelta(days=1)
        return RunFilterParameters(last_updated_after=now - day, last_updated_before=now + day, **options)

    def activities(self, run: PipelineRun) -> dict[str, ActivityRun]:
        found = self.client.activity_runs.query_by_pipeline_run(GROUP, self.name, str(run.run_id), self.window())
        return {str(activity.activity_name): activity for activity in found.value}


@pytest.fixture
def group(local_azure: LocalAzure) -> str:
    resources = ResourceManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)
    resources.resource_groups.create_or_update(GROUP, {"location": "westeurope"})
    return GROUP


@pytest.fixture
def factory(local_azure: LocalAzure, group: str) -> Iterator[FactoryClient]:
    factory = FactoryClient(local_azure, f"factory-{uuid4().hex[:8]}")
    identity = {"type": "SystemAssigned"}
    factory.client.factories.create_or_update(group, factory.name, {"location": "westeurope", "identity": identity})
    yield factory
    factory.client.factories.delete(group, factory.name)
