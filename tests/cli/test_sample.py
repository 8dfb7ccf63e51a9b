"""Which files are a transform's sample."""

from __future__ import annotations

from pathlib import Path

from adfkit.cli.sample import sample_files

PROJECT = Path(__file__).parents[2]


def test_the_project_s_own_transforms_have_the_package_s_files() -> None:
    assert [path.name for path in sample_files(PROJECT, "flights")] == ["flights.csv.zip", "weather.csv"]
    assert [path.name for path in sample_files(PROJECT, "departures")] == ["flights.csv.zip"]


def test_a_folder_sample_is_the_sample(tmp_path: Path) -> None:
    folder = tmp_path / "transforms" / "orders"
    (folder / "sample").mkdir(parents=True)
    (folder / "sample" / "events.csv").write_text("id\n")
    assert sample_files(tmp_path, "orders") == [folder / "sample" / "events.csv"]


def test_what_no_one_has_is_no_sample(tmp_path: Path) -> None:
    folder = tmp_path / "transforms" / "orders"
    folder.mkdir(parents=True)
    (folder / "transform.toml").write_text('[inputs.events]\npath = "events.csv"\n')
    assert sample_files(tmp_path, "orders") == []
    assert sample_files(tmp_path, "missing") == []
