"""Rows of a file that is larger than the memory that they may take."""

from __future__ import annotations

import csv
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from adfkit.local_azure.services.data_factory.runtime.connections import Dataset, LinkedService
from adfkit.local_azure.services.data_factory.runtime.copying.job import CopyRequest
from adfkit.local_azure.services.data_factory.runtime.copying.mapping import Translator
from adfkit.local_azure.services.data_factory.runtime.copying.rows import Rows
from adfkit.local_azure.services.data_factory.runtime.file_formats import readers

ROWS = 5_000_000


@pytest.mark.slow
def test_a_large_table_is_written_in_its_order_in_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "MEMORY", "200MB")
    source = tmp_path / "source.csv"
    with source.open("w") as file:
        file.writelines(f"{number},a name that is the same everywhere\n" for number in range(ROWS))
    dataset = Dataset("d", "DelimitedText", {}, LinkedService("lake", "AzureBlobStorage", {}))
    request = CopyRequest(
        run_id=str(uuid4()),
        source=dataset,
        sink=dataset,
        source_settings={},
        sink_settings={},
        translator=Translator(),
    )
    rows = Rows(request, tmp_path)
    try:
        (written,) = rows.write([("source.csv", source)])
    finally:
        rows.close()
    assert (rows.copied, rows.skipped) == (ROWS, 0)
    with written.open(newline="") as file:
        assert all(int(row[0]) == number for row, number in zip(csv.reader(file), count(), strict=False))
