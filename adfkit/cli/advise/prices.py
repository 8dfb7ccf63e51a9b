"""The price sheet: retail prices of what the techniques are billed by, as Azure's public price list gives them.

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx

from adfkit.cli.advise.facts import machines
from adfkit.cli.project import CliError

URL: Final = "https://prices.azure.com/api/retail/prices"
FILE: Final = Path(".adfkit") / "prices.json"
NO_SHEET: Final = "no price sheet: run scripts/refresh_prices.py"
MOST_PAGES: Final = 200


@dataclass(frozen=True, slots=True)
class Meter:
    """What one price of the sheet is found by: a filter of the list, and which of its items it is."""

    filter: str
    matches: Callable[[Mapping[str, Any]], bool]


def _named(product: str, meter: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda item: bool(item["productName"] == product and item["meterName"] == meter)


def _linux(item: Mapping[str, Any]) -> bool:
    name = f"{item['productName']} {item['skuName']} {item['meterName']}"
    return not any(word in name for word in ("Windows", "Spot", "Low Priority", "Dedicated Host"))


METERS: Final[Mapping[str, Meter]] = {
    "function_gb_second": Meter("serviceName eq 'Functions'", _named("Flex Consumption", "On Demand Execution Time")),
    "function_execution": Meter("serviceName eq 'Functions'", _named("Flex Consumption", "On Demand Total Executions")),
    "dbu_hour": Meter("serviceName eq 'Azure Databricks'", _named("Azure Databricks", "Premium Jobs Compute DBU")),
    "data_flow_core_hour": Meter(
        "serviceName eq 'Azure Data Factory v2'", _named("Azure Data Factory v2 Data Flow - General Purpose", "vCore")
    ),
    **{f"machine_hour.{each.name}": Meter(f"armSkuName eq '{each.name}'", _linux) for each in machines()},
}


@dataclass(frozen=True, slots=True)
class PriceSheet:
    """Prices of one region, each for one unit; `date` is the day on which they were asked for."""

    date: str
    region: str
    currency: str
    prices: Mapping[str, float]

    def __getitem__(self, key: str) -> float:
        """The price of one unit.

        Raises:
            KeyError: the list has no such price for the region.
        """
        return self.prices[key]


def read(project: Path) -> PriceSheet | None:
    """The project's sheet, None where there is none.

    Raises:
        CliError: the file is none.
    """
    path = project / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        prices = {name: float(item["price"]) for name, item in content["prices"].items()}
        return PriceSheet(content["date"], content["region"], content["currency"], prices)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CliError(f"{path} is no price sheet ({error!r}): run scripts/refresh_prices.py.") from error


def refresh(project: Path, *, region: str, currency: str, url: str = URL) -> Path:
    """Ask the public list for every price of the sheet, and write it; returns its path.

    A price that the list has not for the region is left out. What a subscription gets free every month is not
    counted: of a meter with tiers the last one is taken.

    Raises:
        CliError: the list can't be reached, or answers something else.
    """
    prices: dict[str, Any] = {}
    with httpx.Client(timeout=60, follow_redirects=True) as client:
        items = {
            wanted: list(_items(client, url, wanted, region, currency))
            for wanted in sorted({meter.filter for meter in METERS.values()})
        }
    for name, meter in METERS.items():
        found = [item for item in items[meter.filter] if meter.matches(item)]
        if found:
            last = max(found, key=lambda item: (float(item["tierMinimumUnits"]), str(item["effectiveStartDate"])))
            prices[name] = _price(last)
    if not prices:
        raise CliError(f"the price list has no price for the region '{region}': is that its name, as westeurope?")
    path = project / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = {"date": datetime.now(UTC).date().isoformat(), "region": region, "currency": currency, "source": url}
    path.write_text(json.dumps({**sheet, "prices": prices}, indent=2) + "\n", encoding="utf-8")
    return path


def _price(item: Mapping[str, Any]) -> dict[str, Any]:
    units = re.match(r"[\d.]+", str(item["unitOfMeasure"]))
    return {
        "price": float(item["retailPrice"]) / float(units[0] if units else 1),
        "unit": item["unitOfMeasure"],
        "retail_price": item["retailPrice"],
        "product": item["productName"],
        "meter": item["meterName"],
        "since": item["effectiveStartDate"],
    }


def _items(client: httpx.Client, url: str, wanted: str, region: str, currency: str) -> Iterator[Mapping[str, Any]]:
    """The items of a filter, page by page."""
    # quoted here, since the list wants spaces as %20
    search = quote(f"{wanted} and armRegionName eq '{region}' and priceType eq 'Consumption'", safe="'")
    page: str | None = f"{url}?currencyCode='{currency}'&$filter={search}"
    for _ in range(MOST_PAGES):
        if page is None:
            return
        if urlsplit(page)[:2] != urlsplit(url)[:2]:
            raise CliError(f"the price list leads elsewhere: its next page would be at {urlsplit(page).netloc}.")
        try:
            response = client.get(page)
            response.raise_for_status()
            body = response.json()
            yield from body["Items"]
            page = body["NextPageLink"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise CliError(f"the price list at {url} can't be read: {type(error).__name__}: {error}") from error
    raise CliError(f"the price list at {url} has more than {MOST_PAGES} pages for {wanted}.")
