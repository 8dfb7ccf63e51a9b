"""The whole program, for each stack: services reach each other by identities alone, and cost nothing at rest."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra import ingestions
from infra.components.identity import Role
from tests.infra.conftest import CLIENT_ID, SUBSCRIPTION, TENANT, Program, stack_values

Run = Callable[..., Program]
STACKS = ("local", "dev", "test", "prod")
ROLE_DEFINITIONS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"


@pytest.fixture(params=STACKS)
def program(request: pytest.FixtureRequest, run: Run) -> Program:
    return run(request.param)


def test_storage_has_no_keys_and_nothing_public(program: Program) -> None:
    accounts = program.all("azure-native:storage:StorageAccount")
    assert {account.name for account in accounts} == {"lake", "services"}
    for account in accounts:
        assert account.inputs["allowSharedKeyAccess"] is False
        assert account.inputs["allowBlobPublicAccess"] is False
        assert account.inputs["minimumTlsVersion"] == "TLS1_2"
        assert account.inputs["enableHttpsTrafficOnly"] is True
        assert account.inputs["isHnsEnabled"] is (account.name == "lake")
        assert re.fullmatch(r"[a-z0-9]{3,24}", account.inputs["accountName"])
    for service in program.all("azure-native:storage:BlobServiceProperties"):
        assert service.inputs["deleteRetentionPolicy"]["enabled"] is True
        assert service.inputs["containerDeleteRetentionPolicy"]["enabled"] is True
    containers = {
        each.inputs["containerName"]: each.inputs for each in program.all("azure-native:storage:BlobContainer")
    }
    assert set(containers) == {"landing", "curated", "packages"}
    assert {inputs["publicAccess"] for inputs in containers.values()} == {"None"}


def test_function_app_is_flex_consumption_without_keys(program: Program) -> None:
    plan = program.one("azure-native:web:AppServicePlan")
    assert plan["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    app = program.one("azure-native:web:WebApp")
    assert app["kind"] == "functionapp,linux"
    assert app["httpsOnly"] is True
    assert app["identity"] == {"type": "SystemAssigned"}
    config = app["functionAppConfig"]
    assert config["runtime"] == {"name": "python", "version": "3.11"}
    assert config["deployment"]["storage"]["authentication"] == {"type": "SystemAssignedIdentity"}
    services = program.one("azure-native:storage:StorageAccount", "services")["accountName"]
    assert config["deployment"]["storage"]["value"] == f"https://{services}.blob.core.windows.net/packages"
    settings = {item["name"]: item.get("value") for item in app["siteConfig"]["appSettings"]}
    assert settings["AzureWebJobsStorage__blobServiceUri"] == f"https://{services}.blob.core.windows.net"
    assert not [
        name for name in settings if name in ("AzureWebJobsStorage", "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING")
    ]


def test_only_the_factory_may_call_the_function_app(program: Program) -> None:
    auth = program.one("azure-native:web:WebAppAuthSettingsV2")
    assert auth["platform"]["enabled"] is True
    assert auth["globalValidation"] == {"requireAuthentication": True, "unauthenticatedClientAction": "Return401"}
    provider = auth["identityProviders"]["azureActiveDirectory"]
    client_id = provider["registration"]["clientId"]
    assert provider["validation"]["allowedAudiences"] == [f"api://{client_id}"]
    allowed = provider["validation"]["defaultAuthorizationPolicy"]["allowedPrincipals"]
    assert allowed == {"identities": ["factory-principal"]}


def test_batch_pool_scales_down_to_no_node(program: Program) -> None:
    account = program.one("azure-native:batch:BatchAccount")
    assert account["allowedAuthenticationModes"] == ["AAD"]
    assert account["autoStorage"]["authenticationMode"] == "BatchAccountManagedIdentity"
    pool = program.one("azure-native:batch:Pool")
    assert pool["identity"] == {"type": "UserAssigned", "userAssignedIdentities": ["/batch-id"]}
    assert "fixedScale" not in pool["scaleSettings"]
    formula = pool["scaleSettings"]["autoScale"]["formula"]
    assert re.search(r"^\$TargetDedicatedNodes = min\(\d+, ceil\(tasks / 1\)\);$", formula, re.M)
    assert pool["startTask"]["waitForSuccess"] is True


@pytest.mark.parametrize(("slots", "threads"), [(1, 4), (2, 2), (3, 2), (8, 1)])
def test_the_tasks_on_a_node_share_its_cores(slots: int, threads: int, run: Run, tmp_path: Path) -> None:
    values = stack_values("local")
    values["adfkit:batch"]["task_slots_per_node"] = slots
    program = run("local", values)
    assert program.one("azure-native:batch:Pool")["taskSlotsPerNode"] == slots
    found = re.search(r"POLARS_MAX_THREADS=(.+?) UV_CACHE_DIR", ingestions.batch_command(slots))
    assert found
    (tmp_path / "nproc").write_text("#!/bin/sh\necho 4\n")
    (tmp_path / "nproc").chmod(0o755)
    said = subprocess.run(["/bin/bash", "-c", f"echo {found[1]}"], env={"PATH": str(tmp_path)}, capture_output=True)
    assert int(said.stdout) == threads


def test_databricks_nodes_have_no_public_address(program: Program) -> None:
    workspace = program.one("azure-native:databricks:Workspace")
    assert workspace["parameters"]["enableNoPublicIp"]["value"] is True
    assert workspace["managedResourceGroupId"].startswith(
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-databricks-"
    )
    assert program.one("azure-native:databricks:AccessConnector")["identity"] == {"type": "SystemAssigned"}


def test_machine_learning_rests_at_no_node_and_has_no_keys(program: Program) -> None:
    vault = program.one("azure-native:keyvault:Vault")["properties"]
    assert vault["enableRbacAuthorization"] is True
    assert vault["tenantId"] == TENANT
    workspace = program.one("azure-native:machinelearningservices:Workspace")
    assert workspace["systemDatastoresAuthMode"] == "Identity"
    assert workspace["storageAccount"] == "/services-id"
    compute = program.one("azure-native:machinelearningservices:Compute")
    assert compute["identity"] == {"type": "UserAssigned", "userAssignedIdentities": ["/machine-learning-id"]}
    assert compute["properties"]["disableLocalAuth"] is True
    assert compute["properties"]["properties"]["scaleSettings"]["minNodeCount"] == 0
    endpoint = program.one("azure-native:machinelearningservices:BatchEndpoint")
    assert endpoint["properties"]["authMode"] == "AADToken"
    assert re.fullmatch(r"[a-z][a-z0-9-]{2,31}", endpoint["endpointName"])


def test_factory_has_its_own_identity(program: Program) -> None:
    assert program.one("azure-native:datafactory:Factory")["identity"] == {"type": "SystemAssigned"}


@pytest.mark.parametrize("stack", STACKS)
def test_role_assignments_are_those_that_a_run_needs(stack: str, run: Run) -> None:
    program = run(stack)
    found = {
        each.name: (each.inputs["principalId"], each.inputs["roleDefinitionId"], each.inputs["scope"])
        for each in program.all("azure-native:authorization:RoleAssignment")
    }
    expected = {
        "factory-reads-lake": ("factory-principal", Role.STORAGE_BLOB_DATA_READER, "/lake-id"),
        "factory-runs-machine-learning": ("factory-principal", Role.AZUREML_DATA_SCIENTIST, "/mlw-id"),
        "function-app-writes-lake": ("function-app-principal", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "/lake-id"),
        "function-app-owns-services": ("function-app-principal", Role.STORAGE_BLOB_DATA_OWNER, "/services-id"),
        "machine-learning-reads-lake": ("machine-learning-principal", Role.STORAGE_BLOB_DATA_READER, "/lake-id"),
        "machine-learning-writes-services": (
            "machine-learning-principal",
            Role.STORAGE_BLOB_DATA_CONTRIBUTOR,
            "/services-id",
        ),
        "machine-learning-registers-assets": ("machine-learning-principal", Role.AZUREML_DATA_SCIENTIST, "/mlw-id"),
    }
    if stack == "local":  # the stack that has an ingestion by every technique
        for who in ("factory", "machine-learning"):
            principal, _, scope = expected.pop(f"{who}-reads-lake")
            expected[f"{who}-writes-lake"] = (principal, Role.STORAGE_BLOB_DATA_CONTRIBUTOR, scope)
        queues, tables = Role.STORAGE_QUEUE_DATA_CONTRIBUTOR, Role.STORAGE_TABLE_DATA_CONTRIBUTOR
        expected |= {
            "function-app-queues-services": ("function-app-principal", queues, "/services-id"),
            "function-app-tables-services": ("function-app-principal", tables, "/services-id"),
            "factory-runs-notebooks": ("factory-principal", Role.CONTRIBUTOR, "/databricks-id"),
            "databricks-writes-lake": (
                "databricks-connector-principal",
                Role.STORAGE_BLOB_DATA_CONTRIBUTOR,
                "/lake-id",
            ),
            "factory-submits-batch-jobs": ("factory-principal", Role.AZURE_BATCH_JOB_SUBMITTER, "/batch-id"),
            "factory-writes-services": ("factory-principal", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "/services-id"),
            "batch-writes-lake": ("batch-principal", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "/lake-id"),
            "deployer-writes-services": ("deployer", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "/services-id"),
        }
    if stack != "prod":  # production has no sample data to upload
        expected["deployer-writes-lake"] = ("deployer", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "/lake-id")
    assert found == {name: (who, f"{ROLE_DEFINITIONS}/{role}", scope) for name, (who, role, scope) in expected.items()}


def test_every_azure_resource_that_takes_tags_has_the_stack_s(run: Run) -> None:
    program = run("prod")
    untagged = {
        "authorization:RoleAssignment",
        "batch:Pool",
        "storage:BlobContainer",
        "storage:BlobServiceProperties",
        "web:WebAppAuthSettingsV2",
    }
    tags = {"environment": "prod", "project": "adfkit"}
    for resource in program.resources:
        package, _, type = resource.type.partition(":")
        if package == "azure-native" and type not in untagged:
            assert resource.inputs["tags"] == tags, resource.name


def test_names_differ_between_stacks_and_stay_the_same_for_one(run: Run) -> None:
    def names(stack: str) -> set[str]:
        program = run(stack, stack_values(stack))
        kinds = {
            "storage:StorageAccount": "accountName",
            "datafactory:Factory": "factoryName",
            "web:WebApp": "name",
            "machinelearningservices:BatchEndpoint": "endpointName",
            "authorization:RoleAssignment": "roleAssignmentName",
        }
        return {each.inputs[key] for type, key in kinds.items() for each in program.all(f"azure-native:{type}")}

    dev = names("dev")
    assert dev == names("dev")
    assert not dev & names("prod")


def test_artifacts_are_resources_of_the_program(run: Run) -> None:
    artifacts = run("dev").all("pulumi-python:dynamic/adfkit:Artifact")
    assert {artifact.name for artifact in artifacts} == {
        "linkedService-lake",
        "linkedService-function_app",
        "dataset-landing",
        "dataset-curated",
        "pipeline-flights",
    }
    linked = next(each.inputs for each in artifacts if each.name == "linkedService-function_app")["properties"]
    app = run("dev").one("azure-native:web:WebApp")["name"]
    assert linked["typeProperties"] == {
        "functionAppUrl": f"https://{app}.azurewebsites.net",
        "authentication": "MSI",
        "resourceId": f"api://{CLIENT_ID}",
    }


def test_notebooks_reach_the_lake_by_unity_catalog(run: Run) -> None:
    program = run("local")
    dynamic = "pulumi-python:dynamic/adfkit"
    credential = program.one(f"{dynamic}:StorageCredential")
    assert credential["access_connector_id"] == "/databricks-connector-id"
    lake = program.one("azure-native:storage:StorageAccount", "lake")["accountName"]
    locations = [each.inputs for each in program.all(f"{dynamic}:ExternalLocation")]
    assert {each["url"]: each["read_only"] for each in locations} == {
        f"abfss://landing@{lake}.dfs.core.windows.net/": True,
        f"abfss://curated@{lake}.dfs.core.windows.net/": False,
    }
    assert {each["credential"] for each in locations} == {credential["name"]}
    artifacts = {each.name: each.inputs for each in program.all(f"{dynamic}:Artifact")}
    linked = artifacts["linkedService-databricks"]["properties"]["typeProperties"]
    assert linked["domain"] == program.one(f"{dynamic}:Notebooks")["workspace_url"]
    assert (
        linked["dataSecurityMode"] == "SINGLE_USER"
    )  # the only mode of a job cluster that both Unity Catalog and RDDs take
    assert not run("dev").all(f"{dynamic}:StorageCredential")


def test_a_second_ingestion_has_a_pipeline_of_its_own(run: Run) -> None:
    values: dict[str, Any] = stack_values("dev")
    values["adfkit:ingestions"]["delays"] = {**values["adfkit:ingestions"]["flights"], "source": "delays"}
    pipelines = [
        each.inputs
        for each in run("dev", values).all("pulumi-python:dynamic/adfkit:Artifact")
        if each.inputs["kind"] == "pipeline"
    ]
    assert {pipeline["name"] for pipeline in pipelines} == {"flights", "delays"}
    assert "adf_templates/pipelines/ingestion.json.j2 (ingestion delays)" in {each["source"] for each in pipelines}


def test_a_package_is_there_only_where_an_ingestion_runs_from_it(run: Run) -> None:
    values: dict[str, Any] = stack_values("dev")
    values["adfkit:ingestions"]["flights"]["technique"] = "batch"
    packages = {"pulumi-python:dynamic/adfkit:FunctionPackage", "pulumi-python:dynamic/adfkit:BatchPackage"}
    for program, expected in ((run("dev"), "FunctionPackage"), (run("dev", values), "BatchPackage")):
        assert [each.type.rpartition(":")[2] for each in program.resources if each.type in packages] == [expected]
