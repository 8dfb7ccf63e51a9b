"""The Azure Function that runs transforms: `POST /api/transform`, called by a pipeline's Azure Function activity."""

from __future__ import annotations

import json
import logging
import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import azure.functions as func
from azure.identity import DefaultAzureCredential

from transforms.hosts import ingestion
from transforms.hosts.blob_folder import StorageError
from transforms.hosts.declaration import DeclarationError
from transforms.hosts.polars_io import InputError

TECHNIQUE = "azure_function"
STATUS_AND_CODE: dict[type[Exception], tuple[int, str]] = {
    ingestion.RequestError: (400, "InvalidRequest"),
    DeclarationError: (400, "InvalidTransform"),
    InputError: (422, "InvalidInput"),
}

logging.getLogger("azure").setLevel(logging.WARNING)  # its clients tell every request
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)  # the site's Entra authentication stands before it
if find_spec("durable_transform"):  # in the package where an ingestion of the stack runs so
    app.register_functions(import_module("durable_transform").blueprint)


@app.route(route="transform", methods=["POST"])
def transform(req: func.HttpRequest) -> func.HttpResponse:
    """Run the transform that the body names (see `ingestion.Request`); answers the manifest, or the error's cause."""
    try:
        request = ingestion.Request.parse(_body(req))
        logging.info("ingestion %s, run %s: %s", request.ingestion, request.run_id, request.source)
        made = ingestion.run(request, _credential(), technique=TECHNIQUE)
    except StorageError as error:
        asker = f"The function app '{os.environ.get('WEBSITE_SITE_NAME', '')}' asked with its own identity."
        return _failed(502, error.code, f"{error} {asker}")
    except tuple(STATUS_AND_CODE) as error:
        return _failed(*STATUS_AND_CODE[type(error)], str(error))
    logging.info("%s rows written to %s", made["rows"], made["data_location"])
    return _answer(200, made)


@cache
def _credential() -> DefaultAzureCredential:
    return DefaultAzureCredential()


def _body(req: func.HttpRequest) -> dict[str, Any]:
    try:
        body = req.get_json()
    except ValueError as error:
        raise ingestion.RequestError(f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ingestion.RequestError("The body must be a JSON object.")
    return body


def _failed(status: int, code: str, message: str) -> func.HttpResponse:
    logging.error("%s: %s", code, message)
    return _answer(status, {"error": {"code": code, "message": message}})


def _answer(status: int, body: dict[str, Any]) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(body), status_code=status, mimetype="application/json")
