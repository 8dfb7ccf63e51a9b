"""The YAML files are Azure ML's: its client loads them, and every requirement is pinned and hashed."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from azure.ai.ml import load_component

FOLDER = Path(__file__).parents[3] / "transforms" / "machine_learning"


def test_the_pipeline_loads_with_its_steps() -> None:
    pipeline = load_component(FOLDER / "pipeline.yml")
    assert set(pipeline.jobs) == {"register", "train"}
    assert set(pipeline.inputs) == {"data_location", "run_id"}
    assert pipeline.inputs["data_location"].type == "uri_folder"
    assert pipeline.jobs["register"].inputs["data_location"].mode == "direct"
    for step in pipeline.jobs.values():
        script = re.search(r"\bpython (\w+\.py) ", step.component.command)
        assert script
        assert (FOLDER / "steps" / script[1]).is_file()


def test_every_requirement_is_pinned_with_its_hashes() -> None:
    conda = yaml.safe_load((FOLDER / "environment" / "conda.yml").read_text())
    *_, pip = conda["dependencies"]
    assert len(pip["pip"]) > 20
    for line in pip["pip"]:
        assert re.match(r"^[\w.-]+==\S+ (; .+ )?--hash=sha256:[0-9a-f]{64}", line), line
    wanted = {line.split(">=")[0] for line in (FOLDER / "environment" / "requirements.in").read_text().splitlines()[1:]}
    assert wanted <= {line.split("==")[0] for line in pip["pip"]}
