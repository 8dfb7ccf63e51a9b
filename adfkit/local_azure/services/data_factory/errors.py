"""What the Data Factory service refuses, each error once, in its own words."""

from __future__ import annotations

from collections.abc import Sequence

from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.resource_id import ResourceId


def bad_request(message: str, target: str | None = None) -> AzureError:
    """400 `BadRequest`, the service's code for nearly everything."""
    return AzureError(400, "BadRequest", message, target=target)


def invalid_reference(name: str, id: ResourceId) -> AzureError:
    """400: an artifact names another that does not exist."""
    return bad_request(f"The document creation or update failed because of invalid reference '{name}'.", id.text)


def referenced_by(name: str, id: ResourceId) -> AzureError:
    """400: an artifact that another still names cannot be deleted."""
    return bad_request(f"The document cannot be deleted since it is referenced by {name}.", id.text)


def trigger_enabled(id: ResourceId) -> AzureError:
    """400 `TriggerEnabledCannotUpdate`: a started trigger can be neither changed nor deleted."""
    return AzureError(
        400,
        "TriggerEnabledCannotUpdate",
        "Cannot update enabled Trigger; the trigger needs to be disabled first. ",
        target=id.text,
    )


def invalid_artifact(target: str, problems: Sequence[str]) -> AzureError:
    """400: what is wrong with an artifact, all of it at once."""
    return AzureError(
        400,
        "BadRequest",
        problems[0] if len(problems) == 1 else f"{len(problems)} problems: " + " ".join(problems),
        target=target,
        details=[{"code": "BadRequest", "message": problem, "target": target} for problem in problems],
    )


def run_not_found(run_id: str) -> AzureError:
    """404: no such run in this factory."""
    return AzureError(404, "PipelineRunNotFound", f"Pipeline run id '{run_id}' was not found.")


def trigger_run_not_found(run_id: str) -> AzureError:
    """404: no such run of this trigger."""
    return AzureError(404, "TriggerRunNotFound", f"Trigger run id '{run_id}' was not found.")


def window_cannot_change(id: ResourceId) -> AzureError:
    """400: the windows of a tumbling window trigger are laid down when it is created."""
    return bad_request(
        f"The frequency, interval and startTime of the tumbling window trigger '{id.name}' cannot be changed; "
        "delete it and create it again.",
        id.text,
    )


def referenced_run_not_valid(run_id: str, pipeline: str) -> AzureError:
    """400: the run whose parameters a new one should take does not exist."""
    return AzureError(
        400,
        "ReferencedPipelineRunNotValid",
        f"Referenced pipeline run id {run_id} is not a valid run id.",
        target=f"pipeline/{pipeline}/",
    )


def run_has_ended(run_id: str, status: str) -> AzureError:
    """400: only a run in progress can be cancelled."""
    return bad_request(f"The pipeline run '{run_id}' has ended as {status} and cannot be cancelled.")
