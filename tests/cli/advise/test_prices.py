"""The price sheet, from a server that answers as the documentation of Azure's retail prices shows."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from adfkit.cli.advise import prices
from adfkit.cli.project import CliError

SCRIPT = Path(__file__).parents[3] / "scripts" / "refresh_prices.py"


def item(service: str, product: str, meter: str, price: float, unit: str, **changed: Any) -> dict[str, Any]:
    """An item with the fields that the documentation shows."""
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": "westeurope",
        "location": "EU West",
        "effectiveStartDate": "2024-01-01T00:00:00Z",
        "meterId": "00000000-0000-0000-0000-000000000000",
        "meterName": meter,
        "productId": "DZH318Z0BQ4L",
        "skuId": "DZH318Z0BQ4L/0001",
        "productName": product,
        "skuName": meter,
        "serviceName": service,
        "serviceId": "DZH313Z7MMC8",
        "serviceFamily": "Compute",
        "unitOfMeasure": unit,
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "",
        **changed,
    }


LIST = [
    item("Functions", "Flex Consumption", "On Demand Execution Time", 0.0, "1 GB Second"),
    item("Functions", "Flex Consumption", "On Demand Execution Time", 0.5, "1 GB Second", tierMinimumUnits=100000.0),
    item("Functions", "Flex Consumption", "Always Ready Baseline", 0.7, "1 GB Second"),
    item("Functions", "Flex Consumption", "On Demand Total Executions", 4.0, "10"),
    item("Azure Databricks", "Azure Databricks", "Premium Jobs Compute DBU", 0.3, "1 Hour"),
    item("Azure Databricks", "Azure Databricks", "Premium All-purpose Compute DBU", 0.9, "1 Hour"),
    item("Azure Data Factory v2", "Azure Data Factory v2 Data Flow - General Purpose", "vCore", 0.25, "1 Hour"),
    *(
        item("Virtual Machines", product, meter, price, "1 Hour", armSkuName="Standard_D2s_v3")
        for product, meter, price in (
            ("Virtual Machines Dsv3 Series", "D2s v3", 0.1),
            ("Virtual Machines Dsv3 Series Windows", "D2s v3", 0.2),
            ("Virtual Machines Dsv3 Series", "D2s v3 Spot", 0.01),
            ("Virtual Machines Dsv3 Series", "D2s v3 Low Priority", 0.02),
        )
    ),
]


class PriceList(BaseHTTPRequestHandler):
    """Answers $filter of equal texts joined by `and`, two items a page."""

    leads_elsewhere = False
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.asked.append(self.path)
        wanted = dict(term.split(" eq ") for term in query["$filter"][0].split(" and "))
        names = {"priceType": "type"}
        found = [
            each
            for each in LIST
            if all(each[names.get(name, name)] == value.strip("'") for name, value in wanted.items())
        ]
        skip = int(query.get("$skip", ["0"])[0])
        more = skip + 2 < len(found)
        host = "elsewhere.invalid" if self.leads_elsewhere else self.headers["host"]
        first = self.path.partition("&$skip=")[0]
        body = {
            "BillingCurrency": query["currencyCode"][0].strip("'"),
            "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail",
            "Items": found[skip : skip + 2],
            "NextPageLink": f"http://{host}{first}&$skip={skip + 2}" if more else None,
            "Count": len(found[skip : skip + 2]),
        }
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The list's address."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(PriceList, "asked", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), PriceList) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api/retail/prices"
        server.shutdown()


def test_the_sheet_has_every_price_for_one_unit(tmp_path: Path, url: str) -> None:
    path = prices.refresh(tmp_path, region="westeurope", currency="USD", url=url)
    assert path == tmp_path / ".adfkit" / "prices.json"
    sheet = prices.read(tmp_path)
    assert sheet is not None
    assert (sheet.region, sheet.currency) == ("westeurope", "USD")
    assert sheet.prices == {
        "function_gb_second": 0.5,
        "function_execution": 0.4,
        "dbu_hour": 0.3,
        "data_flow_core_hour": 0.25,
        "machine_hour.Standard_D2s_v3": 0.1,
    }
    assert any("$skip=2" in path for path in PriceList.asked)
    kept = json.loads(path.read_text("utf-8"))
    assert kept["prices"]["function_execution"]["unit"] == "10"
    assert kept["date"] == sheet.date


def test_the_script_writes_the_sheet_and_says_where(tmp_path: Path, url: str) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, str(SCRIPT), "--project", str(tmp_path), "--url", url, *arguments]
        return subprocess.run(line, capture_output=True, text=True, check=False)

    done = run()
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / ".adfkit" / "prices.json"))
    nowhere = run("--region", "atlantis")
    assert nowhere.returncode == 1
    assert nowhere.stderr.startswith("error: the price list has no price for the region 'atlantis'")
    assert "Traceback" not in nowhere.stderr


def test_a_list_that_leads_elsewhere_is_not_followed(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PriceList, "leads_elsewhere", True)
    with pytest.raises(CliError, match=r"its next page would be at elsewhere\.invalid"):
        prices.refresh(tmp_path, region="westeurope", currency="USD", url=url)
    assert prices.read(tmp_path) is None


def test_a_list_that_does_not_answer_is_an_error(tmp_path: Path, url: str) -> None:
    with pytest.raises(CliError, match="can't be read: ConnectError"):
        prices.refresh(tmp_path, region="westeurope", currency="USD", url="http://127.0.0.1:1/")


def test_a_file_that_is_no_sheet_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / ".adfkit").mkdir()
    (tmp_path / ".adfkit" / "prices.json").write_text('{"date": 1}', encoding="utf-8")
    with pytest.raises(CliError, match=r"prices\.json is no price sheet .* run scripts/refresh_prices\.py"):
        prices.read(tmp_path)
