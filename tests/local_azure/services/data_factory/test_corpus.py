"""Pipelines of real factories pass the checks, but for those of another product's format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adfkit.local_azure.services.data_factory import pipelines

CORPUS = Path(__file__).parents[5] / "shared" / "adf-corpus"


def load() -> dict[str, dict[str, Any]]:
    found = {}
    for path in sorted(CORPUS.rglob("*.json")):
        try:
            document = json.loads(path.read_text("utf-8-sig"))
        except ValueError:  # some files of the corpus are no JSON: the loader's business
            continue
        properties = document.get("properties") if isinstance(document, dict) else None
        if isinstance(properties, dict) and isinstance(properties.get("activities"), list):
            found[str(path.relative_to(CORPUS))] = properties
    return found


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the corpus of real factories is not at {CORPUS}")
def test_real_pipelines_are_accepted() -> None:
    corpus = load()
    fabric = {name for name in corpus if name.endswith("pipeline-content.json")}  # Fabric's, with other properties
    refused = {name: pipelines.problems(corpus[name]) for name in corpus.keys() - fabric}
    assert len(refused) > 100
    assert {name: problems for name, problems in refused.items() if problems} == {}
