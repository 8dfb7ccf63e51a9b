"""The ARM types of Microsoft.DataFactory, with their names' rules and their operations.

https://learn.microsoft.com/azure/data-factory/naming-rules
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from adfkit.local_azure.service import DeleteHook, Handler, ResourceType
from adfkit.local_azure.services.data_factory.documents import NAMESPACE, Documents, show_factory
from adfkit.local_azure.services.data_factory.runs import Runs
from adfkit.local_azure.services.data_factory.triggers.handlers import Triggers

API_VERSIONS: Final = frozenset({"2018-06-01"})
FACTORY_NAME: Final = re.compile(r"(?=.{3,63}$)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
ARTIFACT_NAME: Final = re.compile(r"[A-Za-z0-9_][^<>*#.%&:\\+?/]{0,259}")
RUNTIME_NAME: Final = re.compile(r"(?=.{3,63}$)[A-Za-z0-9](?:-?[A-Za-z0-9])*")


def resource_types(
    documents: Documents, runs: Runs, triggers: Triggers, delete_factory: DeleteHook
) -> Sequence[ResourceType]:
    """Every type of the service."""

    def artifact(
        kind: str, name: re.Pattern[str] = ARTIFACT_NAME, delete: DeleteHook = documents.delete, **actions: Handler
    ) -> ResourceType:
        return ResourceType(
            name=f"{NAMESPACE}/{kind}",
            api_versions=API_VERSIONS,
            name_pattern=name,
            put=documents.put,
            show=documents.show,
            delete=delete,
            actions=actions,
            created_status=200,
        )

    return (
        ResourceType(
            name=NAMESPACE,
            api_versions=API_VERSIONS,
            name_pattern=FACTORY_NAME,
            show=show_factory,
            delete=delete_factory,
            actions={
                "queryPipelineRuns": runs.query,
                "queryTriggerRuns": triggers.query_runs,
                "querytriggers": triggers.query,
            },
            created_status=200,
        ),
        artifact("linkedservices"),
        artifact("datasets"),
        artifact("dataflows"),
        artifact("pipelines", createRun=runs.create),
        artifact(
            "triggers",
            delete=triggers.delete,
            start=triggers.start,
            stop=triggers.stop,
            subscribeToEvents=triggers.subscribe,
            unsubscribeFromEvents=triggers.unsubscribe,
            getEventSubscriptionStatus=triggers.subscription_status,
        ),
        ResourceType(
            name=f"{NAMESPACE}/triggers/triggerRuns",
            api_versions=API_VERSIONS,
            put=None,
            delete=None,
            get=triggers.get_run,
            actions={"rerun": triggers.rerun, "cancel": triggers.cancel},
        ),
        artifact("credentials"),
        artifact("integrationRuntimes", RUNTIME_NAME),
        artifact("globalParameters", re.compile("default")),
        ResourceType(
            name=f"{NAMESPACE}/pipelineruns",
            api_versions=API_VERSIONS,
            put=None,
            delete=None,
            get=runs.get,
            actions={"cancel": runs.cancel, "queryActivityruns": runs.query_activities},
        ),
    )
