#!/usr/bin/env python
"""Refreshes the price sheet by which `adfkit advise` tells costs, from Azure's public list of retail prices."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from adfkit.cli.advise import prices
from adfkit.cli.project import CliError

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Parse the arguments and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--region", default="westeurope", help="the region's name (default: %(default)s)")
    parser.add_argument("--currency", default="USD", help="ISO code of the currency (default: %(default)s)")
    parser.add_argument("--url", default=prices.URL, help="the price list (default: %(default)s)")
    parser.add_argument("--project", type=Path, default=ROOT, help="the project's folder (default: this one)")
    given = parser.parse_args()
    try:
        path = prices.refresh(given.project, region=given.region, currency=given.currency, url=given.url)
    except CliError as error:
        sys.exit(f"error: {error}")
    print(path)


if __name__ == "__main__":
    main()
