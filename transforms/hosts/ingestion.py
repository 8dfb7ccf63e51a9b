"""One run of an ingestion on Polars: read the source, transform it, write Parquet and the manifest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
from azure.core.credentials import TokenCredential

from transforms.hosts import declaration, manifest, polars_io, runner
from transforms.hosts.blob_folder import BlobFolder
from transforms.hosts.declaration import Declaration, Transform
from transforms.hosts.measure import Measurement
from transforms.hosts.window import Window

DATA_FILE = "part-0.parquet"


class RequestError(Exception):
    """A request that lacks a field or has one of a wrong kind."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a pipeline asks for: which transform, from where to where, and for which run.

    `source` and `data_location` are addresses of blob folders; without a window the run is for the whole source.
    """

    ingestion: str
    transform: str
    source: str
    data_location: str
    run_id: str
    window: Window | None = None

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Request:
        """Check and take the fields; others are ignored.

        Raises:
            RequestError: a field is missing or not a text, or the window is none.
        """
        fields = [name for name in cls.__dataclass_fields__ if name != "window"]
        wrong = [name for name in fields if not isinstance(body.get(name), str) or not body[name]]
        if wrong:
            raise RequestError(f"The request must give these as texts that are not empty: {', '.join(wrong)}.")
        try:
            return cls(**{name: body[name] for name in fields}, window=Window.parse(body))
        except ValueError as error:
            raise RequestError(str(error)) from error


def run(
    request: Request,
    credential: TokenCredential,
    *,
    technique: str,
    load: Callable[[str], tuple[Declaration, Transform]] = declaration.load,
) -> dict[str, Any]:
    """Run the transform and return the manifest; it is written last, so a folder that has one is complete.

    Args:
        load: finds the transform by its name.

    Raises:
        DeclarationError, InputError, StorageError, RequestError: what is wrong with the transform, its input, the
            storage or the request.
    """
    measurement = Measurement()
    declared, transform = load(request.transform)
    try:
        source, target = BlobFolder(request.source, credential), BlobFolder(request.data_location, credential)
    except ValueError as error:
        raise RequestError(str(error)) from error
    frames = {
        name: nw.from_native(polars_io.read_input(declared_input, source.read(declared_input.path)))
        for name, declared_input in declared.inputs.items()
    }
    result = polars_io.collect(runner.run(declared, transform, frames, request.window).to_native())
    files = {DATA_FILE: polars_io.to_parquet(result)}
    for path, content in files.items():
        target.write(path, content)
    made = manifest.manifest(
        declared,
        result,
        files,
        ingestion=request.ingestion,
        run_id=request.run_id,
        data_location=target.address,
        technique=technique,
        measurement=measurement,
        source=source.address,
        source_files=source.files_read,
        window=request.window,
    )
    target.write(manifest.NAME, json.dumps(made, indent=2).encode())
    return made
