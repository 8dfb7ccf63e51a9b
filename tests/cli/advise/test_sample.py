"""The transform, measured on a sample in processes of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from adfkit.cli.advise import sample
from adfkit.cli.project import CliError
from adfkit.cli.sample import sample_folder
from transforms.hosts import declaration


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    """The files of the sample."""
    inputs = declaration.load("flights")[0].inputs
    return {name: (sample_folder() / each.path).read_bytes() for name, each in inputs.items()}


@pytest.mark.slow
def test_a_run_is_measured_stage_by_stage(contents: dict[str, bytes], tmp_path: Path) -> None:
    cut = sample.cut("flights", contents, tmp_path)
    assert (cut.rows, cut.partitions, tuple(cut.files)) == (336_776, 12, (50_000, 200_000))
    assert 20e6 < cut.bytes < 60e6
    told: list[str] = []
    measured = sample.measure("flights", cut, told.append)
    assert measured.sample_rows == (50_000, 200_000)
    assert told.count("Run the transform on 200,000 rows ...") == sample.REPEATS
    assert measured.base_bytes > 10e6
    for stage in (measured.read, measured.transform, measured.complete):
        assert stage.cpu_seconds.at(1_000_000) > 0
        assert stage.bytes.at(1_000_000) > stage.bytes.fixed >= 0


def test_what_is_no_input_says_so(contents: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"weather\.csv has no column origin"):
        sample.cut("flights", {**contents, "weather": b"a,b\n1,2\n"}, tmp_path)
    with pytest.raises(CliError, match="There is no transform 'none' here"):
        sample.cut("none", contents, tmp_path)


def test_a_line_through_two_points() -> None:
    line = sample.Line(2.0, 0.5)
    assert (line.at(0), line.at(10)) == (2.0, 7.0)
