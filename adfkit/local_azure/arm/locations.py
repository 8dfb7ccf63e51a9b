"""Azure's public regions, with the names that ARM takes for them."""

from __future__ import annotations

from typing import Final, NamedTuple

from adfkit.local_azure.arm import errors
from adfkit.local_azure.service import Json


class Region(NamedTuple):
    """One region: `westeurope`, shown as `West Europe`, in the geography `Europe`."""

    name: str
    display_name: str
    geography: str


REGIONS: Final = tuple(
    Region(display_name.lower().replace(" ", ""), display_name, geography)
    for geography, names in {
        "US": (
            "East US, East US 2, South Central US, West US 2, West US 3, Central US, North Central US, West US, "
            "West Central US"
        ),
        "Canada": "Canada Central, Canada East",
        "South America": "Brazil South",
        "Europe": (
            "North Europe, West Europe, Sweden Central, UK South, UK West, France Central, Germany West Central, "
            "Italy North, Norway East, Poland Central, Spain Central, Switzerland North, Austria East"
        ),
        "Asia Pacific": (
            "Australia East, Australia Southeast, Southeast Asia, East Asia, Central India, South India, Japan East, "
            "Japan West, Korea Central, Indonesia Central, Malaysia West, New Zealand North"
        ),
        "Middle East": "UAE North, Qatar Central, Israel Central",
        "Africa": "South Africa North",
    }.items()
    for display_name in names.split(", ")
)
_NAMES: Final = frozenset(region.name for region in REGIONS)


def normalise(location: object, type_name: str) -> str:
    """`West Europe` -> `westeurope`.

    Raises:
        AzureError: 400 `LocationRequired` or `LocationNotAvailableForResourceType`.
    """
    if not isinstance(location, str) or not location.strip():
        raise errors.location_required()
    name = location.lower().replace(" ", "")
    if name not in _NAMES:
        raise errors.location_not_available(location, type_name, sorted(_NAMES))
    return name


def show(subscription_id: str) -> list[Json]:
    """What `GET /subscriptions/{id}/locations` lists."""
    return [
        {
            "id": f"/subscriptions/{subscription_id}/locations/{region.name}",
            "name": region.name,
            "type": "Region",
            "displayName": region.display_name,
            "regionalDisplayName": f"({region.geography}) {region.display_name}",
            "metadata": {"regionType": "Physical", "regionCategory": "Recommended", "geographyGroup": region.geography},
        }
        for region in REGIONS
    ]
