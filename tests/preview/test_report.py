"""What a reviewer must see first comes first."""

from __future__ import annotations

from tests.preview.changes import REPORT, STOPS


def test_lost_state_first_then_deletes_replaces_updates_creates() -> None:
    assert [change.name for change in REPORT.changed] == [
        "kv", "lake", "reader", "batch-pool", "pipeline-flights", "trigger-hourly", "trigger-new",
    ]  # fmt: skip
    assert [change.name for change in REPORT.destructive] == ["kv", "lake"]


def test_summary() -> None:
    assert REPORT.summary() == "2 to delete, 1 to replace, 3 to update, 1 to create, 1 unchanged"


def test_json_has_the_diff_of_artifacts() -> None:
    document = REPORT.as_json()
    [hourly] = [change for change in document["changes"] if change["name"] == "trigger-hourly"]
    assert hourly["side_effects"] == [STOPS]
    assert [urn.rsplit("::", 1)[-1] for urn in document["destructive"]] == ["kv", "lake"]
    assert document["violations"][0]["policy"] == "no-public-blobs"
    [flights] = [change for change in document["changes"] if change["name"] == "pipeline-flights"]
    changed = [line for line in flights["diff"].splitlines() if line.startswith(("+", "-"))]
    assert changed == [
        "--- a/pipeline/flights.json",
        "+++ b/pipeline/flights.json",
        '-        "seconds": 1',
        '+        "seconds": 30',
    ]
    [pool] = [change for change in document["changes"] if change["name"] == "batch-pool"]
    assert "diff" not in pool
    assert pool["properties"][0] == {
        "path": "scaleSettings.fixedScale.targetDedicatedNodes", "kind": "update", "old": 2, "new": 4,
    }  # fmt: skip
