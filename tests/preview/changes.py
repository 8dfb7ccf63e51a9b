"""Changes as an engine would tell them, for the tests of the renderers."""

from __future__ import annotations

from typing import Any

from adfkit.preview.report import PropertyChange, Report, ResourceChange, Violation

ARTIFACT = "pulumi-python:dynamic/adfkit:Artifact"
STOPS = "the trigger hourly is stopped, then started again"
TRIGGER = {"type": "ScheduleTrigger", "runtimeState": "Started", "typeProperties": {"recurrence": {"interval": 1}}}


def change(operation: str, type: str, name: str, **more: Any) -> ResourceChange:
    """One change; `more` as ResourceChange takes it."""
    return ResourceChange(operation, f"urn:pulumi:dev::adfkit::{type}::{name}", type, name, **more)


def artifact(operation: str, kind: str, name: str, before: Any, after: Any, **more: Any) -> ResourceChange:
    """One change of an artifact, by its properties; None where it is not there."""

    def inputs(properties: Any) -> dict[str, Any] | None:
        return None if properties is None else {"kind": kind, "name": name, "properties": properties}

    title = f"{kind}-{name}"
    return change(operation, ARTIFACT, title, before=inputs(before), after=inputs(after), reason="properties", **more)


def pipeline(wait: int) -> dict[str, Any]:
    """A pipeline of many activities, one of which waits so long."""
    activities = [{"name": f"A{number}", "type": "Wait", "typeProperties": {"seconds": 1}} for number in range(9)]
    activities[4]["typeProperties"] = {"seconds": wait}
    return {"activities": activities}


REPORT = Report(
    stack="dev",
    preview=True,
    seconds=1.5,
    changes=[
        change("same", "azure-native:batch:BatchAccount", "batch"),
        artifact("update", "pipeline", "flights", pipeline(1), pipeline(30)),
        artifact("update", "trigger", "hourly", TRIGGER, TRIGGER | {"annotations": ["x"]}, side_effects=[STOPS]),
        artifact("create", "trigger", "new", None, TRIGGER),
        change(
            "replace",
            "azure-native:storage:StorageAccount",
            "lake",
            properties=[PropertyChange("isHnsEnabled", "update-replace", False, True)],
            reason="isHnsEnabled cannot change in place",
        ),
        change(
            "update",
            "azure-native:batch:Pool",
            "batch-pool",
            properties=[
                PropertyChange("scaleSettings.fixedScale.targetDedicatedNodes", "update", 2, 4),
                PropertyChange("scaleSettings.autoScale.formula", "update", "a = 1;\nb = 2;", "a = 1;\nb = 3;"),
                PropertyChange("tags.owner", "add", None, "data"),
                PropertyChange("tags.old", "delete", "`x|<y>`", None),
            ],
            reason="scaleSettings changed",
        ),
        change("delete", "azure-native:authorization:RoleAssignment", "reader", reason="no longer in the program"),
        change("delete", "azure-native:keyvault:Vault", "kv", reason="no longer in the program"),
    ],
    violations=[Violation("no-public-blobs", "mandatory", "lake allows public | blobs")],
)
