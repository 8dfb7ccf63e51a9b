"""ExecuteDataFlow on a real storage account: sources and sinks through datasets, its output, and how it fails."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock
from uuid import uuid4

import jwt
import polars
import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.datafactory.models import ActivityRun
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient, ContainerClient

from adfkit.local_azure import cloud
from tests.conftest import LocalAzure

from .conftest import ARM, GROUP, FactoryClient

ACCOUNT = "dataflowtests"
SUBSCRIPTION = f"/subscriptions/{cloud.SUBSCRIPTION_ID}"
SCOPE = f"{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
READER, CONTRIBUTOR = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
FLIGHTS = b'carrier,delay,at\nUA,5,2013-01-01T10:00:00Z\nB6,,2013-07-01T10:00:00Z\n"U,A",NA,\n'
FILES = {
    "in/flights.csv": FLIGHTS,
    "in/flights.csv.gz": gzip.compress(FLIGHTS),
    "in/2013/01/a.csv": b"carrier,delay\nUA,1\n",
    "in/2013/02/b.csv": b"delay,carrier\n2,B6\n",
    "in/2013/02/_hidden.csv": b"delay,carrier\n3,AA\n",
    "in/rows.json": b'{"id": 1, "plane": {"tail": "N1"}}\n{"id": 2, "plane": {"tail": "N2"}}\n',
}
SOURCE = "allowSchemaDrift: true, validateSchema: false"
OUTPUT = "output(carrier as string, delay as integer, at as timestamp 'yyyy-MM-dd\\'T\\'HH:mm:ss\\'Z\\'')"
TO_ONE_FILE = "partitionFileNames: ['one.parquet'], partitionBy('hash', 1)"


@pytest.fixture(scope="module")
def container(local_azure_session: LocalAzure) -> ContainerClient:
    """The container `files` of the account, made once, with the files of the sources."""
    with mock.patch.dict("os.environ", local_azure_session.environment):
        credential = local_azure_session.credential
        resources = ResourceManagementClient(credential, cloud.SUBSCRIPTION_ID, **ARM)
        resources.resource_groups.create_or_update(GROUP, {"location": "westeurope"})
        storage = StorageManagementClient(credential, cloud.SUBSCRIPTION_ID, **ARM)
        body = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "location": "westeurope", "properties": {}}
        storage.storage_accounts.begin_create(GROUP, ACCOUNT, body).result()
        storage.blob_containers.create(GROUP, ACCOUNT, "files", {})
        token = credential.get_token(f"{cloud.RESOURCE_MANAGER}.default").token
        assign(local_azure_session, str(jwt.decode(token, options={"verify_signature": False})["oid"]), CONTRIBUTOR)
        service = BlobServiceClient(f"https://{ACCOUNT}.blob.{cloud.SUFFIX}", credential)
        files = service.get_container_client("files")
        for name, content in FILES.items():
            files.upload_blob(name, content, overwrite=True)
        return files


def assign(local_azure: LocalAzure, principal_id: str, role: str) -> None:
    client = AuthorizationManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)
    definition = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"roleDefinitionId": definition, "principalId": principal_id, "principalType": "ServicePrincipal"}
    client.role_assignments.create(SCOPE, str(uuid4()), {"properties": properties})


class Flows:
    """A factory with datasets of each format, and a short way to run a script in it."""

    def __init__(self, factory: FactoryClient, container: ContainerClient) -> None:
        self.factory = factory
        self.container = container
        self.folder = f"out-{uuid4().hex[:8]}"

    def define(self) -> None:
        self.factory.put(
            "linked_services",
            "lake",
            {
                "type": "AzureBlobStorage",
                "typeProperties": {"serviceEndpoint": f"https://{ACCOUNT}.blob.{cloud.SUFFIX}/"},
            },
        )
        text = {"columnDelimiter": ",", "quoteChar": '"', "firstRowAsHeader": True, "nullValue": "NA"}
        self.dataset("text", "DelimitedText", text)
        self.dataset("text_gz", "DelimitedText", {**text, "compressionCodec": "gzip"})
        self.dataset("text_zip", "DelimitedText", {**text, "compressionCodec": "ZipDeflate"})
        self.dataset("json", "Json", {})
        self.dataset("json_deflate", "Json", {"compression": {"type": "deflate"}})
        self.dataset("parquet", "Parquet", {"compressionCodec": "snappy"})

    def dataset(self, name: str, kind: str, properties: dict[str, Any]) -> None:
        location = {
            "type": "AzureBlobStorageLocation",
            "container": "files",
            "folderPath": {"value": "@dataset().folder", "type": "Expression"},
            "fileName": "@{dataset().file}",
        }
        self.factory.put(
            "datasets",
            name,
            {
                "type": kind,
                "linkedServiceName": {"referenceName": "lake", "type": "LinkedServiceReference"},
                "parameters": {"folder": {"type": "string"}, "file": {"type": "string", "defaultValue": ""}},
                "typeProperties": {"location": location, **properties},
            },
        )

    def put(self, script: str, sources: dict[str, str], sinks: dict[str, str]) -> None:
        def ends(of: dict[str, str]) -> list[dict[str, Any]]:
            return [
                {"name": name, "dataset": {"referenceName": dataset, "type": "DatasetReference"}}
                for name, dataset in of.items()
            ]

        typed = {"sources": ends(sources), "sinks": ends(sinks), "scriptLines": script.splitlines()}
        self.factory.put("data_flows", "flow", {"type": "MappingDataFlow", "typeProperties": typed})

    def run(
        self,
        script: str,
        sources: dict[str, str] | None = None,
        sinks: dict[str, str] | None = None,
        *,
        places: dict[str, dict[str, str]] | None = None,
        parameters: dict[str, Any] | None = None,
        **properties: Any,
    ) -> ActivityRun:
        """Run the script: by default `in` reads flights.csv, and `out` writes Parquet to a folder of this test."""
        self.put(script, sources or {"in": "text"}, {"out": "parquet"} if sinks is None else sinks)
        given = {"in": {"folder": "in", "file": "flights.csv"}, "out": {"folder": self.folder}} | (places or {})
        reference = {
            "referenceName": "flow",
            "type": "DataFlowReference",
            "datasetParameters": given,
            "parameters": parameters or {},
        }
        self.factory.pipeline(
            "P",
            {
                "name": "Flow",
                "type": "ExecuteDataFlow",
                "typeProperties": {
                    "dataflow": reference,
                    "compute": {"coreCount": 8, "computeType": "General"},
                    "traceLevel": "Fine",
                    **properties,
                },
            },
            parameters={"carrier": {"type": "string", "defaultValue": "UA"}},
        )
        return self.factory.activities(self.factory.run("P"))["Flow"]

    def files(self) -> dict[str, bytes]:
        """What lies in the folder of this test, by name."""
        names = [str(blob.name) for blob in self.container.list_blobs(name_starts_with=f"{self.folder}/")]
        return {name.partition("/")[2]: self.container.download_blob(name).readall() for name in names}

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the one Parquet file there."""
        [content] = self.files().values()
        return polars.read_parquet(io.BytesIO(content)).to_dicts()


@pytest.fixture
def flows(local_azure: LocalAzure, container: ContainerClient, factory: FactoryClient) -> Iterator[Flows]:
    identity = factory.client.factories.get(GROUP, factory.name).identity
    assert identity
    assign(local_azure, str(identity.principal_id), CONTRIBUTOR)
    flows = Flows(factory, container)
    flows.define()
    yield flows


def error_of(activity: ActivityRun) -> dict[str, Any]:
    """The error's code, and the message that the service wraps in JSON."""
    assert activity.status == "Failed", activity.output
    message = json.loads(activity.error["message"])
    assert message["StatusCode"] == activity.error["errorCode"]
    return {"code": message["StatusCode"], "message": message["Message"], "type": activity.error["failureType"]}


def test_delimited_text_becomes_parquet_with_the_declared_types(flows: Flows) -> None:
    found = flows.run(f"source({OUTPUT}, {SOURCE}) ~> in\nin sink({TO_ONE_FILE}) ~> out")
    assert found.status == "Succeeded", found.error
    [(name, content)] = flows.files().items()
    frame = polars.read_parquet(io.BytesIO(content))
    assert name == "one.parquet"
    assert frame.schema == {
        "carrier": polars.String,
        "delay": polars.Int32,
        "at": polars.Datetime("us", "UTC"),
    }
    assert frame.select("carrier", "delay").rows() == [("UA", 5), ("B6", None), ("U,A", None)]
    assert [str(at) for at in frame["at"]] == ["2013-01-01 10:00:00+00:00", "2013-07-01 10:00:00+00:00", "None"]


def test_the_output_counts_rows_of_sinks_sources_and_streams(flows: Flows) -> None:
    script = f"""source({OUTPUT}, {SOURCE}) ~> in
in filter(!isNull(delay)) ~> known
known sink({TO_ONE_FILE}) ~> out
in filter(carrier == 'none') ~> none
none sink(store: 'cache', output: false) ~> nothing"""
    status = flows.run(script).output["runStatus"]
    metrics = status["metrics"]["out"]
    assert (metrics["rowsWritten"], metrics["sources"]["in"]["rowsRead"]) == (1, 3)
    [stage] = metrics["stages"]
    assert {name: (stream["type"], stream["count"]) for name, stream in stage["streams"].items()} == {
        "in": ("source", 3),
        "known": ("filter", 1),
        "out": ("sink", 1),
    }
    assert stage["target"] == "out"
    assert stage["bytesWritten"] == len(flows.files()["one.parquet"])
    assert set(status["metrics"]) == {"out"}
    assert status["dsl"].splitlines()[:2] == ["source() ~> in", "in filter() ~> known"]


@pytest.mark.parametrize(
    ("source", "place", "settings", "carriers"),
    [
        ("text_gz", {"folder": "in", "file": "flights.csv.gz"}, "", ["B6", "U,A", "UA"]),
        ("text", {"folder": "in/2013/02"}, "", ["B6"]),
        ("text", {"folder": "in"}, ", wildcardPaths: ['in/2013/*/*.csv']", ["B6", "UA"]),
        ("text", {"folder": "in"}, ", wildcardPaths: ['in/**/a.csv', 'in/f*.csv']", ["B6", "U,A", "UA", "UA"]),
        ("text", {"folder": "in/gone"}, ", ignoreNoFilesFound: true", []),
        ("text", {"folder": "in", "file": "flights.csv"}, ", limit: 1", ["UA"]),
    ],
)
def test_which_files_a_source_reads(
    flows: Flows, source: str, place: dict[str, str], settings: str, carriers: list[str]
) -> None:
    script = f"source({OUTPUT}, {SOURCE}{settings}) ~> in\nin sink({TO_ONE_FILE}) ~> out"
    found = flows.run(script, {"in": source}, places={"in": place})
    assert found.status == "Succeeded", found.error
    assert sorted(row["carrier"] for row in flows.rows()) == carriers


def test_the_file_of_each_row(flows: Flows) -> None:
    script = f"""source(output(carrier as string, file as string), {SOURCE}, rowUrlColumn: 'file',
  wildcardPaths: ['in/2013/*/*.csv']) ~> in
in select(mapColumn(carrier, file)) ~> chosen
chosen sink({TO_ONE_FILE}) ~> out"""
    found = flows.run(script)
    assert found.status == "Succeeded", found.error
    assert sorted((row["carrier"], row["file"]) for row in flows.rows()) == [
        ("B6", "/files/in/2013/02/b.csv"),
        ("UA", "/files/in/2013/01/a.csv"),
    ]


def test_json_in_and_delimited_text_out(flows: Flows) -> None:
    script = f"""source(output(id as integer, plane as (tail as string)), {SOURCE}) ~> in
in derive(tail = plane.tail, even = id % 2 == 0) ~> flat
flat select(mapColumn(id, tail, even)) ~> chosen
chosen sink(filePattern: 'rows[n].csv', partitionBy('roundRobin', 2)) ~> out"""
    found = flows.run(script, {"in": "json"}, {"out": "text"}, places={"in": {"folder": "in", "file": "rows.json"}})
    assert found.status == "Succeeded", found.error
    assert flows.files() == {
        "rows1.csv": b"id,tail,even\n1,N1,false\n",
        "rows2.csv": b"id,tail,even\n2,N2,true\n",
    }


def test_files_are_named_as_spark_names_them_and_the_folder_is_cleared_on_demand(flows: Flows) -> None:
    script = "source(output(carrier as string), allowSchemaDrift: false) ~> in\nin sink({}) ~> out"
    for settings, count in (("truncate: false", 1), ("truncate: false", 2), ("truncate: true", 1)):
        found = flows.run(script.format(settings), sinks={"out": "json"})
        assert found.status == "Succeeded", found.error
        assert len(flows.files()) == count
    [(name, content)] = flows.files().items()
    assert name.startswith("part-00000-")
    assert name.endswith("-c000.json")
    assert [json.loads(line) for line in content.splitlines()] == [{"carrier": name} for name in ("UA", "B6", "U,A")]


def test_compressed_files_out_and_in_again(flows: Flows) -> None:
    script = "source(output(carrier as string), allowSchemaDrift: false) ~> in\nin sink() ~> out"
    for sink, source, place in (
        ("json_deflate", "text", {"folder": "in", "file": "flights.csv"}),
        ("text_gz", "json_deflate", {"folder": flows.folder}),
    ):
        found = flows.run(script.replace("sink()", "sink(truncate: true)"), {"in": source}, {"out": sink},
                          places={"in": place})  # fmt: skip
        assert found.status == "Succeeded", found.error
    [(name, content)] = flows.files().items()
    assert name.endswith("-c000.csv.gz")
    assert gzip.decompress(content) == b'carrier\nUA\nB6\n"U,A"\n'


def test_parameters_are_expressions_of_data_flows(flows: Flows) -> None:
    script = f"""parameters{{ carrier as string ('none'), least as integer (0), days as date }}
source({OUTPUT}, {SOURCE}) ~> in
in filter(carrier == $carrier && delay >= $least) ~> some
some sink(partitionFileNames: [($carrier + '.parquet')], partitionBy('hash', 1)) ~> out"""
    parameters = {
        "carrier": {"value": "'@{pipeline().parameters.carrier}'", "type": "Expression"},
        "least": 5,
        "days": "toDate('2013-01-01')",
    }
    found = flows.run(script, parameters=parameters)
    assert found.status == "Succeeded", found.error
    assert list(flows.files()) == ["UA.parquet"]
    assert [row["delay"] for row in flows.rows()] == [5]


def test_rows_of_a_cached_sink_are_part_of_the_output(flows: Flows) -> None:
    script = f"""source({OUTPUT}, {SOURCE}) ~> in
in select(mapColumn(carrier, delay)) ~> chosen
chosen sink(store: 'cache', format: 'inline', output: true, saveOrder: 1) ~> kept"""
    found = flows.run(script, sinks={})
    assert found.status == "Succeeded", found.error
    assert found.output["runStatus"]["output"]["kept"]["value"] == [
        {"carrier": "UA", "delay": 5},
        {"carrier": "B6", "delay": None},
        {"carrier": "U,A", "delay": None},
    ]


def test_an_inline_dataset(flows: Flows) -> None:
    script = f"""source({OUTPUT}, {SOURCE}, format: 'delimited', container: 'files', folderPath: 'in',
  fileName: 'flights.csv', columnDelimiter: ',', escapeChar: '\\\\', quoteChar: '\\"', columnNamesAsHeader: true) ~> in
in sink(format: 'parquet', container: 'files', folderPath: '{flows.folder}', {TO_ONE_FILE}) ~> out"""
    linked = {"referenceName": "lake", "type": "LinkedServiceReference"}
    typed = {
        "sources": [{"name": "in", "linkedService": linked}],
        "sinks": [{"name": "out", "linkedService": linked}],
        "script": script,
    }
    flows.factory.put("data_flows", "inline", {"type": "MappingDataFlow", "typeProperties": typed})
    reference = {"referenceName": "inline", "type": "DataFlowReference"}
    flows.factory.pipeline("P", {"name": "Flow", "type": "ExecuteDataFlow", "typeProperties": {"dataFlow": reference}})
    found = flows.factory.activities(flows.factory.run("P"))["Flow"]
    assert found.status == "Succeeded", found.error
    assert len(flows.rows()) == 3


FAILURES: list[tuple[str, str, dict[str, Any], str, str]] = [
    (
        "an assertion",
        "in assert(expectTrue(!isNull(delay), false, 'known', null(), 'no delay'), abort: true) ~> checked\n"
        "checked sink() ~> out",
        {},
        "DFExecutorUserError",
        "at Assert 'checked'(Line 2/Col 1): the assertion 'known' of 'checked' fails for 2 rows: no delay",
    ),
    (
        "an unknown column",
        "in derive(x = gone + 1) ~> d\nd sink() ~> out",
        {},
        "DF-Executor-ParseError",
        "at Derive 'd'(Line 2/Col 1): there is no column 'gone' here; there are carrier, delay, at",
    ),
    (
        "a missing file",
        "in sink() ~> out",
        {"places": {"in": {"folder": "in", "file": "gone.csv"}}},
        "DF-Executor-InvalidPath",
        "at Source 'in'(Line 1/Col 1): Path /files/in/gone.csv does not resolve to any file(s). "
        "Please make sure the file/folder exists and is not hidden.",
    ),
    (
        "a zip archive, which data flows do not read",
        "in sink() ~> out",
        {"sources": {"in": "text_zip"}},
        "NotSupported",
        "at Source 'in'(Line 1/Col 1): the compression 'zipdeflate' in data flows is not supported",
    ),
    (
        "no Parquet",
        "in sink() ~> out",
        {"sources": {"in": "parquet"}},
        "DFExecutorUserError",
        "at Source 'in'(Line 1/Col 1): the files cannot be read as Parquet: ",
    ),
    (
        "as many names as partitions",
        "in sink(partitionFileNames: ['a', 'b'], partitionBy('hash', 1)) ~> out",
        {},
        "DF-Executor-InvalidPartitionFileNames",
        "at Sink 'out'(Line 2/Col 1): There are 1 partitions and 2 file names: ['a', 'b'].",
    ),
    (
        "an unknown setting",
        "in sink(rowUrlColumn: 'carrier') ~> out",
        {},
        "NotSupported",
        "at Sink 'out'(Line 2/Col 1): the property 'rowUrlColumn' of a sink is not supported",
    ),
    (
        "an unknown parameter",
        "in sink() ~> out",
        {"parameters": {"gone": 1}},
        "DF-Executor-ParseError",
        "the data flow has no parameter 'gone'; it has none",
    ),
]


@pytest.mark.parametrize(("_", "script", "given", "code", "message"), FAILURES, ids=[case[0] for case in FAILURES])
def test_what_fails_says_where_and_writes_nothing(
    flows: Flows, _: str, script: str, given: dict[str, Any], code: str, message: str
) -> None:
    error = error_of(flows.run(f"source({OUTPUT}, {SOURCE}) ~> in\n{script}", **given))
    assert error["code"] == code
    assert error["message"].startswith(f"Job failed due to reason: {message}"), error["message"]
    assert error["type"] == "UserError"
    assert flows.files() == {}


def test_a_column_that_the_files_lack(flows: Flows) -> None:
    script = "source(output(gone as string), allowSchemaDrift: true, validateSchema: true) ~> in\nin sink() ~> out"
    error = error_of(flows.run(script))
    assert error["code"] == "DFExecutorUserError"
    assert "at Source 'in'(Line 1/Col 1): the source 'in' has no column 'gone'" in error["message"]


@pytest.mark.parametrize(("role", "where"), [(None, "Source 'in'"), (READER, "Sink 'out'")])
def test_a_missing_role_fails_with_the_code_of_storage_and_says_whose(
    local_azure: LocalAzure, container: ContainerClient, factory: FactoryClient, role: str | None, where: str
) -> None:
    identity = factory.client.factories.get(GROUP, factory.name).identity
    assert identity
    if role:
        assign(local_azure, str(identity.principal_id), role)
    flows = Flows(factory, container)
    flows.define()
    found = flows.run(f"source({OUTPUT}, {SOURCE}) ~> in\nin sink({TO_ONE_FILE}) ~> out")
    message = error_of(found)["message"]
    for part in (where, "AuthorizationPermissionMismatch", f"'{factory.name}' (object id {identity.principal_id})"):
        assert part in message
    assert found.error["details"][0]["code"] == "AuthorizationPermissionMismatch"
    assert flows.files() == {}


REFUSED = [
    ("source() ~> in\nin sink( ~> out", "line 2: an expression is expected here, not '~>'"),
    (
        "source() ~> in\nin teleport() ~> t\nt sink() ~> out",
        "line 2: the transformation 'teleport' of 't' is not supported",
    ),
    ("source() ~> in\ngone sink() ~> out", "line 2: there is no stream 'gone'"),
    (
        "source() ~> in\nin filter(\n  frobnicate(1)) ~> f\nf sink() ~> out",
        "line 3: the function 'frobnicate' is not supported",
    ),
]


@pytest.mark.parametrize(("script", "message"), REFUSED)
def test_a_script_that_cannot_run_is_refused_when_it_is_put(factory: FactoryClient, script: str, message: str) -> None:
    typed = {"sources": [], "sinks": [], "script": script}
    with pytest.raises(HttpResponseError) as caught:
        factory.put("data_flows", "flow", {"type": "MappingDataFlow", "typeProperties": typed})
    assert caught.value.status_code == 400
    assert message in str(caught.value)


def test_a_run_that_is_cancelled_ends_the_process_of_the_data_flow(flows: Flows) -> None:
    script = f"""source({OUTPUT}, {SOURCE}) ~> in
in, in join(true(), joinType: 'cross') ~> a
a, a join(true(), joinType: 'cross') ~> b
b, b join(true(), joinType: 'cross') ~> c
c, c join(true(), joinType: 'cross') ~> d
d sink({TO_ONE_FILE}) ~> out"""
    flows.put(script, {"in": "text"}, {"out": "parquet"})
    given = {"in": {"folder": "in", "file": "flights.csv"}, "out": {"folder": flows.folder}}
    reference = {"referenceName": "flow", "type": "DataFlowReference", "datasetParameters": given}
    flows.factory.pipeline("P", {"name": "Flow", "type": "ExecuteDataFlow", "typeProperties": {"dataFlow": reference}})
    run_id = flows.factory.start("P")
    flows.factory.client.pipeline_runs.cancel(GROUP, flows.factory.name, run_id)
    assert flows.factory.wait(run_id).status == "Cancelled"
    assert flows.files() == {}
