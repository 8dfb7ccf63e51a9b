"""Copy between a storage account's files, and from an HTTP server, through azure-mgmt-datafactory."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import polars
import pytest
from azure.mgmt.datafactory.models import ActivityRun
from azure.storage.blob import BlobServiceClient, ContainerClient

from adfkit.local_azure import cloud
from tests.conftest import LocalAzure

from .conftest import ACCOUNT, CONTRIBUTOR, GROUP, FactoryClient, assign, dataset, on

CASES = json.loads((Path(__file__).parent / "copy_cases.json").read_text())
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "binary_zip": ("Binary", {"compression": {"type": "ZipDeflate", "level": "Optimal"}}),
    "binary_gz": ("Binary", {"compression": {"type": "GZip", "level": "Fastest"}}),
    "csv_gz": ("DelimitedText", {"columnDelimiter": ",", "firstRowAsHeader": True, "compressionCodec": "gzip"}),
    "csv_zip": ("DelimitedText", {"columnDelimiter": ",", "firstRowAsHeader": True, "compressionCodec": "ZipDeflate"}),
    "psv": ("DelimitedText", {"columnDelimiter": "||", "quoteChar": "'", "nullValue": "NULL", "rowDelimiter": "\n"}),
    "csv_utf16": ("DelimitedText", {"firstRowAsHeader": True, "encodingName": "UTF-16", "quoteChar": '"'}),
    "orc": ("Orc", {}),
}
PARQUET = polars.DataFrame(
    {"id": [1, 2], "at": ["2013-01-01T05:00:00", None], "late": [True, None], "ratio": [1.0, 0.25]},
    schema_overrides={"id": polars.Int32},
).with_columns(polars.col("at").str.to_datetime())


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as found:
        for name, content in files.items():
            found.writestr(name.replace("__", "/") + ".csv", content)
    return buffer.getvalue()


def parquet(frame: polars.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


INPUTS: dict[str, bytes] = {
    "copy/plain/a.csv": b'id,name,at\r\n1,"a, \\"b\\"",2013-01-01\r\n2,,\r\n',
    "copy/plain/deep/b.csv": b"id,name,at\n3,c,2013-02-01\n",
    "copy/plain/notes.txt": b"not a table\n",
    "copy/escaped/a.csv": b'id,text\n1,"say \\"hi\\", \\\\o/"\n2,"two\nlines"\n3,""\n',
    "copy/types/a.csv": b"id,ok,ratio,day,moment\n1,true,1.50,01/02/2013,2013-01-02 03:04:05\n2,False,-3,,\n",
    "copy/misfits/a.csv": b"id,name\n1,a\nx,b\n3,c\n",
    "copy/ragged/a.csv": b"id,name\n1\n2,b\n",
    "copy/wide/a.csv": b"id,name\n1,a,more\n",
    "copy/nameless/a.csv": b"id,\n1,a\n",
    "copy/zip/two.zip": archive(x="id\n1\n", inner__y="id\n2\n"),
    "copy/gz/a.csv.gz": gzip.compress(b"id\n1\n2\n"),
    "copy/broken/a.csv.gz": b"no gzip",
    "copy/json/lines.json": b'{"id": 1, "at": "2013-01-01", "o": {"x": [1, 2]}}\n{"id": 2, "more": null}\n',
    "copy/json/array.json": b'[{"id": 1.5}, {"id": 2}]',
    "copy/json/nested.json": json.dumps(
        {"batch": "b1", "items": [{"id": 1, "who": {"name": "a"}}, {"id": 2, "who": {"name": None}}]}, indent=1
    ).encode(),
    "copy/json/bad.json": b'{"id": 1,',
    "copy/parquet/a.parquet": parquet(PARQUET),
    "copy/parquet_nested/a.parquet": parquet(polars.DataFrame({"xs": [[1], [2]]})),
    "copy/list/files.txt": b"plain/deep/b.csv\n",
    "copy/many/a.csv": b"id\n" + b"".join(b"%d\n" % number for number in range(25)),
    "copy/empty/a.csv": b"id,name\n",
    "copy/bz/a.bz2": bz2.compress(b"x"),
}


@pytest.fixture(scope="module")
def files(local_azure_session: LocalAzure, account: None) -> None:
    with mock.patch.dict("os.environ", local_azure_session.environment):
        landing = container(local_azure_session)
        for name, content in INPUTS.items():
            landing.upload_blob(name, content, overwrite=True)


def container(local_azure: LocalAzure) -> ContainerClient:
    blobs = BlobServiceClient(f"https://{ACCOUNT}.blob.{cloud.SUFFIX}", local_azure.credential)
    return blobs.get_container_client("landing")


@pytest.fixture
def writer(lake: FactoryClient, local_azure: LocalAzure, files: None) -> FactoryClient:
    """A factory that may also write the account, with a dataset a format."""
    identity = lake.client.factories.get(GROUP, lake.name).identity
    assert identity
    assign(local_azure, str(identity.principal_id), CONTRIBUTOR)
    for name, (kind, properties) in FORMATS.items():
        lake.put("datasets", name, dataset(kind, properties))
    return lake


def copy(
    factory: FactoryClient, source: dict[str, Any], sink: dict[str, Any], **properties: Any
) -> tuple[ActivityRun, str]:
    """Run one Copy; `source` and `sink` are a dataset, its place, and the settings of that end."""
    kinds = {name: kind for name, (kind, _) in FORMATS.items()}
    kinds |= {"binary": "Binary", "csv": "DelimitedText", "json": "Json", "parquet": "Parquet", "web": "DelimitedText"}
    kinds |= {"web_binary": "Binary"}
    ends: dict[str, Any] = {}
    for side, end, suffix in (("source", source, "Source"), ("sink", sink, "Sink")):
        store = {"type": f"AzureBlobStorage{'Read' if side == 'source' else 'Write'}Settings", **end.get("store", {})}
        kind = kinds[end["dataset"]]
        ends[side] = {"type": kind + suffix, "storeSettings": store, "formatSettings": end.get("format")}
        ends[side] |= end.get("own", {})
    references = {side: [on(end["dataset"], **end["place"])] for side, end in (("inputs", source), ("outputs", sink))}
    activity = {"name": "A", "type": "Copy", **references, "typeProperties": {**ends, **properties}}
    factory.pipeline("P", activity)
    run = factory.run("P")
    return factory.activities(run)["A"], str(run.run_id)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_copy(case: dict[str, Any], writer: FactoryClient, local_azure: LocalAzure) -> None:
    target = f"copied/{case['name'].replace(' ', '-')}"
    sink = {**case["sink"], "place": {"folder": target, **case["sink"].get("place", {})}}
    done, _ = copy(writer, case["source"], sink, **case.get("properties", {}))
    found = {
        blob.name.removeprefix(f"{target}/"): container(local_azure).download_blob(blob.name).readall()
        for blob in container(local_azure).list_blobs(name_starts_with=f"{target}/")
    }
    if "error" in case:
        assert done.status == "Failed", done.output
        assert done.error["errorCode"] == case.get("errorCode", "2200")
        assert case["error"] in done.error["message"]
        assert found == {}
        return
    assert done.status == "Succeeded", done.error
    assert {name: shown(name, content) for name, content in found.items()} == case["files"]
    for name, value in case.get("output", {}).items():
        assert done.output[name] == value
    assert done.output["dataWritten"] == sum(map(len, found.values()))
    assert done.output["filesWritten"] == len(found)


def shown(name: str, content: bytes) -> Any:
    """A file as the cases write it: text; rows with their types of Parquet; what is in an archive."""
    if name.endswith(".gz"):
        return gzip.decompress(content).decode()
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as found:
            return {member: found.read(member).decode() for member in found.namelist()}
    if name.endswith(".parquet"):
        frame = polars.read_parquet(content)
        schema = {column: str(type) for column, type in frame.schema.items()}
        return {"schema": schema, "rows": json.loads(json.dumps(frame.rows(), default=str))}
    return content.decode("utf-16" if content.startswith(b"\xff\xfe") else "utf-8")


def test_the_names_that_the_service_makes(writer: FactoryClient, local_azure: LocalAzure) -> None:
    source = {"dataset": "csv", "place": {"folder": "copy/plain"}, "store": {"wildcardFileName": "*.csv"}}
    for behaviour, count in (("FlattenHierarchy", 2), ("MergeFiles", 1)):
        target = {"dataset": "csv", "place": {"folder": behaviour}, "store": {"copyBehavior": behaviour}}
        done, _ = copy(writer, source, target, **{})
        assert (done.status, done.output["filesWritten"], done.output["rowsCopied"]) == ("Succeeded", count, 3)
        names = [blob.name for blob in container(local_azure).list_blobs(name_starts_with=f"{behaviour}/")]
        assert len(names) == count
        assert all(name.startswith(f"{behaviour}/data_") and name.endswith(".csv") for name in names)


def test_output_and_input(writer: FactoryClient) -> None:
    source = {"dataset": "csv", "place": {"folder": "copy/plain", "file": "a.csv"}}
    done, run_id = copy(writer, source, {"dataset": "parquet", "place": {"folder": "copied/output"}})
    output = done.output
    assert (output["dataRead"], output["filesRead"], output["rowsRead"], output["rowsCopied"]) == (42, 1, 2, 2)
    assert output["copyDuration"] >= 1
    assert output["throughput"] > 0
    assert output["usedDataIntegrationUnits"] == 4
    assert output["errors"] == []
    (execution,) = output["executionDetails"]
    assert (execution["status"], execution["source"], execution["sink"]) == (
        "Succeeded",
        {"type": "AzureBlobStorage"},
        {"type": "AzureBlobStorage"},
    )
    assert done.input["source"]["type"] == "DelimitedTextSource"
    assert run_id


def test_a_file_of_several_blocks(writer: FactoryClient, local_azure: LocalAzure) -> None:
    content = bytes(range(256)) * (20 << 12)  # 20 MB
    container(local_azure).upload_blob("copy/large/a.bin", content, overwrite=True)
    source = {"dataset": "binary", "place": {"folder": "copy/large"}}
    done, _ = copy(writer, source, {"dataset": "binary", "place": {"folder": "copied/large"}})
    assert done.output["dataWritten"] == len(content)
    assert container(local_azure).download_blob("copied/large/a.bin").readall() == content


def test_files_are_deleted_once_they_are_copied(writer: FactoryClient, local_azure: LocalAzure) -> None:
    landing = container(local_azure)
    landing.upload_blob("copy/moved/a.txt", b"x", overwrite=True)
    store = {"deleteFilesAfterCompletion": True}
    source = {"dataset": "binary", "place": {"folder": "copy/moved"}, "store": store}
    done, _ = copy(writer, source, {"dataset": "binary", "place": {"folder": "copied/moved"}})
    assert done.status == "Succeeded"
    assert list(landing.list_blobs(name_starts_with="copy/moved/")) == []
    assert landing.download_blob("copied/moved/a.txt").readall() == b"x"


def test_without_a_role_on_the_sink_it_fails(lake: FactoryClient, files: None) -> None:
    source = {"dataset": "csv", "place": {"folder": "copy/plain", "file": "a.csv"}}
    done, _ = copy(lake, source, {"dataset": "csv", "place": {"folder": "copied/refused"}})
    assert done.error["errorCode"] == "2200"
    assert "AuthorizationPermissionMismatch" in done.error["message"]
    assert done.output["executionDetails"][0]["status"] == "Failed"


class Server(BaseHTTPRequestHandler):
    """Answers a table to who sends the header, 403 to others."""

    def do_GET(self) -> None:
        allowed = self.headers.get("X-Key") == "open" and self.headers.get("Authorization") == "Basic dTpw"
        body = b"id,name\n1,a\n2,b\n" if allowed else b"no"
        self.send_response(200 if allowed else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


def web(factory: FactoryClient, url: str, password: str = "p") -> None:
    properties = {
        "url": url,
        "authenticationType": "Basic",
        "userName": "u",
        "password": {"type": "SecureString", "value": password},
    }
    factory.put("linked_services", "web", {"type": "HttpServer", "typeProperties": properties})
    reference = {"referenceName": "web", "type": "LinkedServiceReference"}
    location = {"type": "HttpServerLocation", "relativeUrl": "tables/rows.csv"}
    for name, kind, own in (("web", "DelimitedText", {"firstRowAsHeader": True}), ("web_binary", "Binary", {})):
        factory.put(
            "datasets",
            name,
            {"type": kind, "linkedServiceName": reference, "typeProperties": {"location": location, **own}},
        )


def test_from_an_http_server(writer: FactoryClient, server: str, local_azure: LocalAzure) -> None:
    web(writer, server)
    store = {"type": "HttpReadSettings", "requestMethod": "GET", "additionalHeaders": "X-Key: open\nX-Other: 1"}
    source: dict[str, Any] = {"dataset": "web", "place": {}, "store": store}
    done, _ = copy(writer, source, {"dataset": "json", "place": {"folder": "copied/web"}})
    assert done.status == "Succeeded", done.error
    assert done.output["executionDetails"][0]["source"] == {"type": "HttpServer"}
    found = container(local_azure).download_blob("copied/web/rows.json").readall()
    assert found == b'{"id":"1","name":"a"}\r\n{"id":"2","name":"b"}\r\n'
    source["dataset"] = "web_binary"
    done, _ = copy(writer, source, {"dataset": "binary", "place": {"folder": "copied/web"}})
    assert container(local_azure).download_blob("copied/web/rows.csv").readall() == b"id,name\n1,a\n2,b\n"
    web(writer, server, password="secret")
    done, _ = copy(writer, source, {"dataset": "binary", "place": {"folder": "copied/web"}})
    assert done.error["errorCode"] == "2200"
    assert "(403) Forbidden" in done.error["message"]
    assert "secret" not in json.dumps([done.input, done.output, done.error])


def test_an_http_server_elsewhere_is_refused(writer: FactoryClient) -> None:
    web(writer, "https://example.org")
    source: dict[str, Any] = {"dataset": "web", "place": {}, "store": {"type": "HttpReadSettings"}}
    done, _ = copy(writer, source, {"dataset": "json", "place": {"folder": "copied/elsewhere"}})
    assert done.error["errorCode"] == "HostNotReachable"
