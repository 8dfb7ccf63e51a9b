"""What goes wrong ends with an error that names file, artifact and cause, and a next `up` finishes the work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from tests.whole_way import ROOT, Way

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """The stack `local`, deployed from the project as it is, with the sample where it lands."""
    way = Way(tmp_path_factory.mktemp("faults") / "local")
    try:
        way.json("quickstart")
        yield way
    finally:
        way.stop()


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def broken_template(project: Path) -> None:
    replace(
        project / "adf_templates/pipelines/ingestion.json.j2",
        "{{ ingestion.source | json }}",
        "{{ ingestion.sauce | json }}",
    )


def unknown_technique(project: Path) -> None:
    replace(project / "stacks/Pulumi.local.yaml", "technique: azure_function", "technique: carrier_pigeon")


def missing_reference(project: Path) -> None:
    replace(
        project / "adf_templates/pipelines/ingestion.json.j2",
        '"referenceName": "landing"',
        '"referenceName": "lending"',
    )


def bad_expression(project: Path) -> None:
    replace(project / "adf_templates/pipelines/ingestion.json.j2", "@not(activity(", "@nott(activity(")


REFUSED: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "a broken template": (broken_template, ("adf_templates/pipelines/ingestion.json.j2", "sauce")),
    "an unknown technique": (
        unknown_technique,
        ("stacks/Pulumi.local.yaml: adfkit:ingestions.flights.technique", "carrier_pigeon", "azure_function"),
    ),
    "a missing reference": (missing_reference, ("adf_templates/pipelines/ingestion.json.j2", "flights", "lending")),
    "a bad expression": (bad_expression, ("adf_templates/pipelines/ingestion.json.j2", "flights", "nott", "not")),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_wrong_input_is_refused_before_anything_is_deployed(fault: str, deployed: Way, tmp_path: Path) -> None:
    change, named = REFUSED[fault]
    copy = deployed.copy(tmp_path / "project")
    change(copy.project)
    error = copy.refused("up", "--yes")
    for text in named:
        assert text in error
    assert deployed.json("preview")["summary"].startswith("no changes")


BROKEN = ["flights", "flights_batch", "flights_databricks"]
"""Ingestions that run the Python of transforms/flights, one a technique."""


def test_a_transform_that_raises_fails_every_run_with_its_message(deployed: Way, tmp_path: Path) -> None:
    copy = deployed.copy(tmp_path / "project")
    transform = copy.project / "transforms/flights/transform.py"
    replace(
        transform,
        "from __future__ import annotations",
        "from __future__ import annotations\n\nraise ValueError('the transform is broken')",
    )
    copy.json("up", "--yes")
    for ingestion in BROKEN:
        error = copy.refused("run", ingestion)
        assert "Transform" in error
        assert "the transform is broken" in error
    failed = deployed.json("runs")[: len(BROKEN)]
    assert [(run["ingestion"], run["status"], run["dataset_version"]) for run in failed] == [
        (ingestion, "Failed", None) for ingestion in reversed(BROKEN)
    ]
    deployed.json("up", "--yes")
    for ingestion in BROKEN:
        assert deployed.json("run", ingestion)["status"] == "Succeeded"


DYING = {
    "flights": "Language Worker Process exited",
    "flights_durable": "Language Worker Process exited",
    "flights_batch": "exited with code 137",
}
"""Ingestions whose process is killed while it runs the same, and what is said of that; of Spark's see the service."""


def test_a_process_that_is_killed_fails_every_run_and_leaves_no_dataset_version(deployed: Way, tmp_path: Path) -> None:
    copy = deployed.copy(tmp_path / "project")
    replace(
        copy.project / "transforms/flights/transform.py",
        "from __future__ import annotations",
        "from __future__ import annotations\n\nimport os\nimport signal\n\nos.kill(os.getpid(), signal.SIGKILL)",
    )
    copy.json("up", "--yes")
    for ingestion, says in DYING.items():
        assert says in copy.refused("run", ingestion)
    failed = deployed.json("runs")[: len(DYING)]
    assert [(run["ingestion"], run["status"], run["dataset_version"]) for run in failed] == [
        (ingestion, "Failed", None) for ingestion in reversed(DYING)
    ]
    deployed.json("up", "--yes")
    assert deployed.json("run", "flights_durable")["status"] == "Succeeded"


def test_a_machine_learning_step_that_fails_fails_the_run_with_its_message(deployed: Way, tmp_path: Path) -> None:
    copy = deployed.copy(tmp_path / "project")
    [train] = (copy.project / "transforms/machine_learning").rglob("train.py")
    replace(
        train,
        "from __future__ import annotations",
        "from __future__ import annotations\n\nraise ValueError('the training is broken')",
    )
    assert copy.json("up", "--yes")["counts"].get("update") == 1
    error = copy.refused("run", "flights")
    assert "MachineLearningJobFailed" in error or "machine learning job" in error
    assert "the training is broken" in error
    assert deployed.json("up", "--yes")["counts"].get("update") == 1
    assert deployed.json("run", "flights")["status"] == "Succeeded"


def failing_assertion(project: Path) -> None:
    replace(
        project / "adf_templates/data_flows/flights.json.j2",
        "expectTrue(!isNull(time_hour)",
        "expectTrue(distance < 4000",
    )


def missing_column(project: Path) -> None:
    replace(project / "transforms/flights/transform.toml", 'minute = "int64"', 'minute = "int64"\ngone = "int64"')


DATA_FLOW_FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "an assertion that fails": (
        failing_assertion,
        "the assertion 'hour_known' of 'checked' fails for 707 rows: a flight has no hour of departure",
    ),
    "a column that the source lacks": (missing_column, "the source 'flights' has no column 'gone'"),
}


@pytest.mark.parametrize("fault", DATA_FLOW_FAULTS)
def test_a_data_flow_that_fails_fails_the_run_with_its_message(fault: str, deployed: Way, tmp_path: Path) -> None:
    change, message = DATA_FLOW_FAULTS[fault]
    copy = deployed.copy(tmp_path / "project")
    change(copy.project)
    copy.json("up", "--yes")
    error = copy.refused("run", "flights_data_flow")
    assert "Transform" in error
    assert message in error
    failed = deployed.json("runs")[0]
    assert (failed["ingestion"], failed["status"], failed["dataset_version"]) == ("flights_data_flow", "Failed", None)
    deployed.json("up", "--yes")
    assert deployed.json("run", "flights_data_flow")["status"] == "Succeeded"


RUN, RUN_DURABLE, RUN_BATCH = ("run", "flights"), ("run", "flights_durable"), ("run", "flights_batch")
RUN_DATABRICKS, QUICKSTART = ("run", "flights_databricks"), ("quickstart",)
MISMATCH = "AuthorizationPermissionMismatch"
ASSIGNMENTS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "factory-writes-lake": (RUN, "SourceExists", MISMATCH),
    "factory-runs-machine-learning": (RUN, "InvokeMachineLearning", "AuthorizationFailed"),
    "factory-submits-batch-jobs": (RUN_BATCH, "Transform", "AuthorizationFailed"),
    "factory-writes-services": (RUN_BATCH, "Transform", MISMATCH),
    "function-app-writes-lake": (RUN, "Transform", MISMATCH),
    "function-app-owns-services": (RUN, "Transform", MISMATCH),
    "function-app-queues-services": (RUN_DURABLE, "StartTransform", MISMATCH),
    "function-app-tables-services": (RUN_DURABLE, "StartTransform", MISMATCH),
    "batch-writes-lake": (RUN_BATCH, "Transform", MISMATCH),
    "factory-runs-notebooks": (RUN_DATABRICKS, "Transform", "PERMISSION_DENIED"),
    "databricks-writes-lake": (RUN_DATABRICKS, "Transform", "AccessDeniedException"),
    "machine-learning-writes-lake": (RUN, "machine learning job", MISMATCH),
    "machine-learning-writes-services": (RUN, "machine learning job", MISMATCH),
    "machine-learning-registers-assets": (RUN, "machine learning job", "AuthorizationFailed"),
    "deployer-writes-lake": (QUICKSTART, "landing/flights", MISMATCH),
}
"""Role assignments of the program: the command that fails without each, where it ends, and Azure's code."""

UPLOADING = {"deployer-writes-services": "batch/"}
"""Role assignments that a deployment needs for what has changed in transforms/: what it uploads."""


def assignment_ids(way: Way) -> dict[str, str]:
    """The role assignments in the stack's state: their ids by their names in the program."""
    import json

    state = json.loads((way.local_folder.parent / "stacks" / "local.json").read_bytes())
    resources = (state.get("checkpoint", state).get("latest") or state["deployment"])["resources"]
    return {
        one["urn"].rsplit("::", 1)[1]: one["id"]
        for one in resources
        if one["type"] == "azure-native:authorization:RoleAssignment"
    }


def test_every_role_assignment_of_the_program_is_tried(deployed: Way) -> None:
    assert set(assignment_ids(deployed)) == {*ASSIGNMENTS, *UPLOADING}


@contextmanager
def taken_away(deployed: Way, assignment: str) -> Iterator[None]:
    """Without a role assignment, and from cold, as in Azure once what a running app holds has expired."""
    from azure.identity import DefaultAzureCredential
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.authorization.models import RoleAssignmentCreateParameters

    id = assignment_ids(deployed)[assignment]
    environment = deployed.json("local", "env")
    with mock.patch.dict(os.environ, environment):
        client = AuthorizationManagementClient(
            DefaultAzureCredential(),
            environment["AZURE_SUBSCRIPTION_ID"],
            base_url="https://management.azure.localhost",
            credential_scopes=["https://management.azure.localhost/.default"],
        )
        taken = client.role_assignments.get_by_id(id)
        client.role_assignments.delete_by_id(id)
        try:
            deployed.stop()
            yield
        finally:
            client.role_assignments.create_by_id(
                id,
                RoleAssignmentCreateParameters(
                    role_definition_id=taken.role_definition_id,
                    principal_id=taken.principal_id,
                    principal_type=taken.principal_type,
                ),
            )


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_without_a_role_assignment_the_way_ends_with_azures_code(assignment: str, deployed: Way) -> None:
    command, where, code = ASSIGNMENTS[assignment]
    with taken_away(deployed, assignment):
        error = deployed.refused(*command)
    assert where in error
    assert code in error


@pytest.mark.parametrize("assignment", UPLOADING)
def test_without_a_role_assignment_a_change_is_not_uploaded(assignment: str, deployed: Way, tmp_path: Path) -> None:
    copy = deployed.copy(tmp_path / "project")
    transform = copy.project / "transforms/flights/transform.py"
    transform.write_text(transform.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    with taken_away(deployed, assignment):
        error = copy.refused("up", "--yes")
    assert UPLOADING[assignment] in error
    assert MISMATCH in error or "not authorized" in error
    deployed.json("up", "--yes")


def test_after_all_this_the_platform_is_whole(deployed: Way) -> None:
    assert deployed.json("preview")["summary"].startswith("no changes")
    assert deployed.json("run", "flights")["status"] == "Succeeded"
    assert ROOT.is_dir()
