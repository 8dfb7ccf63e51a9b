"""The command `adfkit advise`."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from adfkit.cli.output import out, print_json
from adfkit.cli.project import LOCAL_STACK, CliError, find_project

if TYPE_CHECKING:
    from adfkit.cli.advise.estimates import Setup, Situation
    from adfkit.cli.advise.ranking import Place
    from adfkit.cli.advise.sample import Input, Measured
    from adfkit.cli.platform import Ingestion, Platform
    from adfkit.cli.project import Project

LARGEST_INPUT = 2**30
"""Bytes of an input that are downloaded to be measured."""


def advise(
    ingestion: Annotated[str, typer.Argument(help="The ingestion, as the stack file names it.")],
    rows: Annotated[int | None, typer.Option("--rows", min=1, help="Rows that a run will have; else as now.")] = None,
    size: Annotated[
        float | None, typer.Option("--size", min=0.0, help="The same as gigabytes of uncompressed CSV.")
    ] = None,
    latency: Annotated[
        float | None, typer.Option("--latency", min=1.0, help="Seconds that one may wait for the result.")
    ] = None,
    runs_per_day: Annotated[float, typer.Option("--runs-per-day", min=0.001, help="How often it runs.")] = 1.0,
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack.")] = LOCAL_STACK,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure an ingestion's transform on a sample of its real input, and rank the techniques for it."""
    from adfkit.cli.advise import prices, sample
    from adfkit.cli.advise.estimates import Situation, Workload
    from adfkit.cli.advise.ranking import rank
    from adfkit.cli.runs import connect

    if rows and size:
        raise CliError("--rows and --size say the same thing: give one of them.")
    platform, project = connect(stack), find_project()
    found = platform.ingestion(ingestion)
    settings = _settings(project, stack)
    transform = str(settings["ingestions"][ingestion]["transform"])
    with TemporaryDirectory() as folder, out.status("Read the input ...") as status:
        cut = sample.cut(transform, _contents(platform, found, transform), Path(folder))
        tell = (lambda _: None) if json else status.update
        measured = sample.measure(transform, cut, tell)
    wanted = rows or (round(size * 1e9 / cut.bytes * cut.rows) if size else cut.rows)
    situation = Situation(
        measured,
        Workload(max(1, wanted), latency, runs_per_day),
        _setup(project, settings, ingestion, transform, cut.partitions),
        prices.read(project.folder),
    )
    places = rank(situation)
    if json:
        print_json(_as_json(ingestion, cut, situation, places))
        return
    _print(ingestion, cut, situation, places)


def _settings(project: Project, stack: str) -> dict[str, Any]:
    import yaml

    config = yaml.safe_load(project.stack_file(stack).read_text(encoding="utf-8"))["config"]
    return {name.removeprefix("adfkit:"): value for name, value in config.items() if name.startswith("adfkit:")}


def _setup(project: Project, settings: dict[str, Any], ingestion: str, transform: str, partitions: int) -> Setup:
    from adfkit.cli.advise.estimates import Setup

    return Setup(
        instance_memory_mb=int(settings["function_app"]["instance_memory_mb"]),
        vm_size=str(settings["batch"]["vm_size"]),
        nodes=int(settings["batch"]["maximum_nodes"]),
        tasks=settings["ingestions"][ingestion].get("tasks"),
        partitions=partitions,
        workers=int(settings["databricks"]["workers"]),
        has_data_flow=any((project.folder / "adf_templates" / "data_flows").glob(f"{transform}.*")),
    )


def _contents(platform: Platform, ingestion: Ingestion, transform: str) -> dict[str, bytes]:
    """The files of the ingestion's source.

    Raises:
        CliError: one is not there, too large to be measured here, or may not be read.
    """
    from azure.core.exceptions import HttpResponseError

    from transforms.hosts import declaration

    contents = {}
    try:
        inputs = declaration.load(transform)[0].inputs
    except declaration.DeclarationError as error:
        raise CliError(str(error)) from error
    for name, each in inputs.items():
        blob = platform.blobs.get_blob_client("landing", f"{ingestion.source}/{each.path}")
        try:
            length = blob.get_blob_properties().size
            if length > LARGEST_INPUT:
                raise CliError(f"{blob.url} has {length:,} bytes; at most {LARGEST_INPUT:,} are measured here.")
            contents[name] = blob.download_blob(max_concurrency=4).readall()
        except HttpResponseError as error:
            raise CliError(f"{blob.url} can't be read: {error.message}") from error
    return contents


def _as_json(ingestion: str, cut: Input, situation: Situation, places: list[Place]) -> dict[str, Any]:
    sheet = situation.prices
    return {
        "ingestion": ingestion,
        "workload": asdict(situation.workload),
        "input": {"rows": cut.rows, "bytes": cut.bytes, "partitions": cut.partitions},
        "measured": {"cores": os.cpu_count(), **situation.measured.as_json()},
        "setup": asdict(situation.setup),
        "prices": {"date": sheet.date, "region": sheet.region, "currency": sheet.currency} if sheet else None,
        "techniques": [place.as_json(situation.workload) for place in places],
    }


def _print(ingestion: str, cut: Input, situation: Situation, places: list[Place]) -> None:
    from adfkit.cli.advise.facts import known
    from adfkit.cli.advise.prices import NO_SHEET

    workload, sheet = situation.workload, situation.prices
    _print_measured(ingestion, cut, situation.measured)
    wait = f", a result within {workload.latency:g} s" if workload.latency else ""
    out.print(f"\n[bold]For {workload.rows:,} rows, {workload.runs_per_day:g} runs a day{wait}[/]")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("", "technique", "start s", "run s", "memory", "core s", "cost a month", "why"):
        right = heading in ("start s", "run s", "memory", "core s", "cost a month")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for place in places:
        each = place.estimate
        month = None if each.cost is None else each.cost * workload.runs_per_day * 30
        table.add_row(
            str(place.rank),
            Text(each.technique, style="bold green" if place.fits else "dim"),
            f"{each.start_seconds:.0f}",
            f"{each.run_seconds:.1f}",
            f"{each.memory_bytes / 2**20:,.0f} MiB" if each.memory_bytes else "spread",
            f"{each.core_seconds:,.0f}",
            f"{month:,.2f} {sheet.currency}" if month is not None and sheet else "-",
            place.reason,
        )
    out.print(table)
    out.print(
        f"Cost: retail prices of {sheet.region} on {sheet.date}, without what is free each month."
        if sheet
        else f"Cost: {NO_SHEET}"
    )
    best = known()[places[0].estimate.technique]
    out.print(f"\n[bold]{best.technique}[/]")
    for sign, points in (("+", best.pros), ("-", best.cons)):
        for point in points:
            out.print(f"  {sign} {point}", markup=False)
    for fact in best.facts.values():
        assumed = " (assumed here; the page gives no number)" if fact.assumption else ""
        out.print(f"  {fact.name} = {fact.value:g}{assumed}: {fact.text}\n    {fact.url}", markup=False, style="dim")


def _print_measured(ingestion: str, cut: Input, measured: Measured) -> None:
    rows = " and ".join(f"{rows:,}" for rows in measured.sample_rows)
    out.print(
        f"[bold]{ingestion}[/]: {cut.rows:,} rows, {cut.bytes / 1e6:,.1f} MB of CSV, {cut.partitions} partitions. "
        f"Measured on its first {rows} rows, on {os.cpu_count()} cores of this machine:"
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
    for heading in ("stage", "s a million rows", "core s a million rows", "bytes a row"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for name in ("read", "transform", "complete"):
        stage = getattr(measured, name)
        table.add_row(
            name,
            f"{stage.seconds.per_row * 1e6:.2f}",
            f"{stage.cpu_seconds.per_row * 1e6:.2f}",
            f"{stage.bytes.per_row:,.0f}",
        )
    out.print(table)
