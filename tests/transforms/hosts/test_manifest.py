"""The hashes tell what differs, and nothing else."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import polars as pl

from transforms.hosts.declaration import Column, Declaration
from transforms.hosts.manifest import content_sha256, files_sha256

DECLARATION = Declaration(
    name="t",
    inputs={},
    columns=(
        Column("i", "int64", "known"),
        Column("x", "float64", "known"),
        Column("s", "string", "known"),
        Column("b", "bool", "outcome"),
        Column("t", "timestamp", "known"),
    ),
    partition_by=(),
    float_precision=2,
    code_version="",
    training=None,
)
NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)
FRAME = pl.DataFrame(
    {"i": [2, 1], "x": [0.125, None], "s": ["é", None], "b": [True, False], "t": [NOON, None]},
    schema_overrides={"t": pl.Datetime("us", "UTC")},
)


def test_the_content_hash_is_the_documented_one() -> None:
    null, separator = "\x00", "\x1f"
    lines = [
        separator.join(["1", null, null, "0", null]),
        separator.join(["2", "13", "é", "1", "1357041600000000"]),
    ]
    header = separator.join(["i:int64", "x:float64", "s:string", "b:bool", "t:timestamp"])
    text = "".join(f"{line}\n" for line in [header, *sorted(lines)])
    assert content_sha256(FRAME, DECLARATION) == hashlib.sha256(text.encode()).hexdigest()


def test_the_content_hash_minds_values_not_order() -> None:
    whole = content_sha256(FRAME, DECLARATION)
    assert content_sha256(FRAME.reverse(), DECLARATION) == whole
    assert content_sha256(FRAME.with_columns(x=pl.col("x") + 1e-9), DECLARATION) == whole
    assert content_sha256(FRAME.with_columns(i=pl.col("i") + 1), DECLARATION) != whole
    assert content_sha256(FRAME.head(1), DECLARATION) != whole
    assert content_sha256(FRAME.clear(), DECLARATION) != whole


def test_the_files_hash_minds_paths_and_bytes() -> None:
    whole = files_sha256({"a": b"1", "b": b"2"})
    assert files_sha256({"b": b"2", "a": b"1"}) == whole
    assert files_sha256({"a": b"1", "c": b"2"}) != whole
    assert files_sha256({"a": b"1", "b": b"3"}) != whole
    expected = hashlib.sha256(b"".join(name + b"\0" + hashlib.sha256(data).digest() for name, data in [(b"a", b"1")]))
    assert files_sha256({"a": b"1"}) == expected.hexdigest()
