"""A declaration that is wrong says where and what is allowed; an input that is not as declared says so too."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from transforms.hosts import declaration
from transforms.hosts.declaration import DeclarationError, Input
from transforms.hosts.ingestion import Request, RequestError
from transforms.hosts.polars_io import InputError, read_input

GOOD = """
name = "t"
partition_by = []
float_precision = 2
[inputs.a]
path = "a.csv"
columns = {x = "int64"}
[output.known]
x = "int64"
[output.label]
y = "bool"
[training]
label = "y"
time = "x"
features = ["x"]
"""


def folder(tmp_path: Path, text: str) -> Path:
    (tmp_path / "transform.toml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_good_declaration_is_read(tmp_path: Path) -> None:
    read = declaration.read(folder(tmp_path, GOOD))
    assert [(column.name, column.group) for column in read.columns] == [("x", "known"), ("y", "label")]
    assert read.training == declaration.Training(label="y", time="x", features=("x",))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "t"', "", "the key 'name' is missing"),
        ('x = "int64"\n[output.label]', 'x = "date"\n[output.label]', "'date' is not one of int64, float64"),
        ("[output.known]", "[output.later]", "'later' is not one of known, outcome, label"),
        ('features = ["x"]', 'features = ["y"]', "'y' is not one of x"),
        ('label = "y"', 'label = "x"', "'x' is not one of y"),
        ('name = "t"', 'name = "t"\nwindow_by = "x"', "window_by: 'x' is no timestamp of the output."),
        ("[inputs.a]", "[inputs.a", "transform.toml: "),
    ],
)
def test_a_wrong_declaration_says_what(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        declaration.read(folder(tmp_path, GOOD.replace(old, new)))
    assert says in str(raised.value)


@pytest.mark.parametrize("name", ["nothing", "../flights", "hosts", ""])
def test_an_unknown_transform_is_named_with_those_that_are(name: str) -> None:
    with pytest.raises(DeclarationError, match=r"There is no transform '.*' here\. Present: .*flights"):
        declaration.load(name)


INPUT = Input(path="a.csv", columns={"x": "int64", "t": "timestamp"}, partitioned=False, null_values=("NA",))


def test_an_input_is_read_as_declared() -> None:
    frame = read_input(INPUT, b"t,x,more\n2013-01-01T05:00:00Z,1,a\nNA,NA,b\n").collect()
    assert frame["x"].to_list() == [1, None]
    assert [value.isoformat() for value in frame["t"].drop_nulls()] == ["2013-01-01T05:00:00+00:00"]
    assert sorted(frame.columns) == ["t", "x"]


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("a.csv", b"x\n1\n", "a.csv has no column t; it has x."),
        ("a.csv", b"x,t\none,NA\n", "a.csv can't be read"),
        ("a.csv", b"", "a.csv can't be read"),
        ("a.csv.zip", b"x,t\n", "a.csv.zip can't be read: File is not a zip file"),
    ],
)
def test_an_input_that_is_not_as_declared_says_so(path: str, content: bytes, says: str) -> None:
    with pytest.raises(InputError) as raised:
        read_input(Input(path, INPUT.columns, partitioned=False, null_values=("NA",)), content)
    assert says in str(raised.value)


def test_an_archive_must_hold_one_csv_file() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.csv", "x,t\n")
        archive.writestr("b.csv", "x,t\n")
    with pytest.raises(InputError, match="must hold one CSV file, it holds 2"):
        read_input(Input("a.csv.zip", INPUT.columns, partitioned=False, null_values=()), target.getvalue())


def test_a_request_names_the_fields_that_it_lacks() -> None:
    with pytest.raises(RequestError, match="transform, data_location"):
        Request.parse({"ingestion": "i", "transform": 1, "source": "s", "data_location": "", "run_id": "r"})
