"""Asks the workspace for versions and models, and the lake for the manifests beside the data."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from adfkit.cli.lineage.links import Lineage, TrainedModel, lineage, models, tags, trained_on
from adfkit.cli.project import CliError

if TYPE_CHECKING:
    from adfkit.cli.platform import Platform

MANIFEST = "manifest.json"


def collect(platform: Platform, dataset: str | None = None, model: str | None = None) -> list[Lineage]:
    """The lineage of what is asked for, each NAME or NAME:VERSION; of every ingestion's dataset where neither is.

    Raises:
        CliError: there is no such dataset, model or version.
    """
    known = {each.model for each in platform.ingestions.values()} | ({_parse(model)[0]} if model else set())
    trained = models((name, version) for name in sorted(known) for version in platform.asset_versions("models", name))
    wanted = None if model is None else _trained_on(model, trained)
    names = _names(platform, dataset, wanted)
    version = _parse(dataset)[1] if dataset else None
    found = [
        _lineage(platform, name, each, trained)
        for name in names
        for each in _in_order(platform.asset_versions("data", name))
        if version in (None, each["name"]) and (wanted is None or (name, each["name"]) in wanted)
    ]
    if not found and (dataset or model):
        raise CliError(_missing(dataset, model, wanted))
    return found


def _names(platform: Platform, dataset: str | None, wanted: set[tuple[str, str]] | None) -> list[str]:
    if dataset is not None:
        return [_parse(dataset)[0]]
    if wanted is not None:
        return sorted({name for name, _ in wanted})
    return sorted({each.dataset for each in platform.ingestions.values()})


def _missing(dataset: str | None, model: str | None, wanted: set[tuple[str, str]] | None) -> str:
    if dataset and model:
        return f"model '{model}' was not trained on dataset '{dataset}'."
    if dataset:
        return f"the workspace has no dataset '{dataset}'; `adfkit lineage` lists every version."
    told = ", ".join(sorted(":".join(each) for each in wanted or ()))
    return f"model '{model}' was trained on {told}, which the workspace does not have any more."


def _parse(asset: str) -> tuple[str, str | None]:
    name, _, version = asset.partition(":")
    if not name or (":" in asset and not version.isdecimal()):
        raise CliError(f"'{asset}' is not NAME or NAME:VERSION, such as flights:3.")
    return name, version or None


def _trained_on(model: str, trained: Iterable[TrainedModel]) -> set[tuple[str, str]]:
    name, version = _parse(model)
    found = [each for each in trained if each.name == name and version in (None, each.version)]
    if not found:
        raise CliError(f"the workspace has no model '{model}'.")
    wanted = {data for each in found if (data := trained_on(each))}
    if not wanted:
        raise CliError(f"no tag of model '{model}' tells which dataset it was trained on.")
    return wanted


def _in_order(versions: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    def number(version: dict[str, Any]) -> tuple[int, str]:
        name = str(version["name"])
        return (int(name) if name.isdecimal() else sys.maxsize, name)

    return sorted(versions, key=number)


def _lineage(platform: Platform, name: str, version: Mapping[str, Any], trained: Iterable[TrainedModel]) -> Lineage:
    location = tags(version).get("location")
    if not location:
        return lineage(name, version, None, trained, "no tag tells its location: it was not registered by a run")
    manifest, problem = _manifest(platform, location)
    return lineage(name, version, manifest, trained, problem)


def _manifest(platform: Platform, location: str) -> tuple[dict[str, Any] | None, str]:
    """The manifest at a location of the lake, or why there is none to read: a version outlives its data."""
    from azure.core.exceptions import HttpResponseError

    parts = urlsplit(location)
    if parts.netloc != urlsplit(platform.output("lake_blob_endpoint")).netloc:
        return None, f"{location} is not in the stack's lake"
    container, _, folder = unquote(parts.path).strip("/").partition("/")
    try:
        content = platform.blobs.get_blob_client(container, f"{folder}/{MANIFEST}").download_blob().readall()
    except HttpResponseError as error:
        why = getattr(error, "error_code", None) or error.reason or error.status_code
        return None, f"{location}{MANIFEST} can't be read: {getattr(why, 'value', why)}"
    found: dict[str, Any] = json.loads(content)
    return found, ""
