"""What a run of each technique would take for a workload, extrapolated from the measurements of a sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any, Final

from adfkit.cli.advise.facts import Known, known, machine, machines
from adfkit.cli.advise.prices import PriceSheet
from adfkit.cli.advise.sample import Measured, Stage

MIB: Final = 2**20
GIB: Final = 2**30
HOUR: Final = 3600.0
DAYS_A_MONTH: Final = 30


@dataclass(frozen=True, slots=True)
class Workload:
    """What is to be run: so many rows, how long one may wait for them (None: does not matter), and how often."""

    rows: int
    latency: float | None
    runs_per_day: float

    @property
    def interval(self) -> float:
        """Seconds from one run to the next."""
        return 24 * HOUR / self.runs_per_day


@dataclass(frozen=True, slots=True)
class Setup:
    """What the stack file says, and what the transform allows: `partitions` of its input, a data flow of it or none."""

    instance_memory_mb: int
    vm_size: str
    nodes: int
    tasks: int | None
    partitions: int
    workers: int
    has_data_flow: bool


@dataclass(slots=True)
class Estimate:
    """One technique.

    Attributes:
        start_seconds, run_seconds: until the transform begins where nothing is warm, and until it ends after that.
        memory_bytes: of the process that needs most; None where Spark spreads it over its nodes.
        core_seconds: what is billed for a run, as seconds of one core.
        cost: of a run; None without a price sheet, or where it lacks a price.
        obstacles: why it can't do the work; empty where it can.
        remarks: what else decides.
    """

    technique: str
    start_seconds: float
    run_seconds: float
    memory_bytes: int | None
    core_seconds: float
    cost: float | None = None
    obstacles: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """From the pipeline's call to the result."""
        return self.start_seconds + self.run_seconds

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self) | {"seconds": self.seconds}


@dataclass(frozen=True, slots=True)
class Situation:
    """All that an estimate is made from."""

    measured: Measured
    workload: Workload
    setup: Setup
    prices: PriceSheet | None

    def seconds(self, stage: Stage, cores: float, share: float = 1.0) -> float:
        """Seconds of a share of a stage: as measured, or longer where there are fewer cores than it kept busy."""
        rows = round(self.workload.rows * share)
        return max(stage.seconds.at(rows), stage.cpu_seconds.at(rows) / cores)

    def bytes(self, stage: Stage, share: float = 1.0) -> float:
        """Memory of a process that does a share of a stage."""
        return self.measured.base_bytes + stage.bytes.at(round(self.workload.rows * share))

    @property
    def cpu_seconds(self) -> float:
        """Of the whole run, on one core."""
        stages = (self.measured.read, self.measured.transform, self.measured.complete)
        return sum(stage.cpu_seconds.at(self.workload.rows) for stage in stages)

    def whole(self, cores: float) -> tuple[float, float]:
        """Seconds and memory where one process does all."""
        stages = (self.measured.read, self.measured.transform, self.measured.complete)
        return sum(self.seconds(stage, cores) for stage in stages), max(self.bytes(stage) for stage in stages)

    def part(self, parts: int, cores: float) -> tuple[float, float]:
        """Seconds and memory of one of several parts: each reads the input whole and keeps its share of it."""
        read, transform = self.measured.read, self.measured.transform
        extra = max(0.0, transform.bytes.at(self.workload.rows) - read.bytes.at(self.workload.rows)) / parts
        seconds = self.seconds(read, cores) + self.seconds(transform, cores, 1 / parts)
        return seconds, self.bytes(read) + extra

    def completion(self, cores: float) -> tuple[float, float]:
        """Seconds and memory of what puts the parts together and hashes them."""
        return self.seconds(self.measured.complete, cores), self.bytes(self.measured.complete)


def estimates(situation: Situation) -> list[Estimate]:
    """One of each technique."""
    facts = known()
    return [make(situation, facts[technique]) for technique, make in _MAKERS.items()]


def _azure_function(situation: Situation, facts: Known) -> Estimate:
    _, memory = situation.whole(1)
    size = _instance_size(memory, situation.setup.instance_memory_mb, facts)
    run, _ = situation.whole(size / facts["memory_mb_per_core"])
    found = _function(situation, facts, size, run, memory, executions=1, billed=run)
    if run > facts["http_response_seconds"]:
        found.obstacles.append(
            f"would need {run:.0f} s; its caller is answered within {facts['http_response_seconds']:.0f} s"
        )
    return found


def _durable_function(situation: Situation, facts: Known) -> Estimate:
    parts = situation.setup.partitions
    size = _instance_size(
        max(situation.part(parts, 1)[1], situation.completion(1)[1]), situation.setup.instance_memory_mb, facts
    )
    cores = size / facts["memory_mb_per_core"]
    (part, part_memory), (completion, completion_memory) = situation.part(parts, cores), situation.completion(cores)
    found = _function(
        situation,
        facts,
        size,
        part + completion,
        max(part_memory, completion_memory),
        executions=parts + 3,
        billed=parts * part + completion,
    )
    if parts == 1:
        found.remarks.append("the transform declares no partition_by, so that there is nothing to fan out over")
    if max(part, completion) > facts["timeout_seconds"]:
        found.obstacles.append(
            f"an activity would need {max(part, completion):.0f} s; a function has {facts['timeout_seconds']:.0f} s"
        )
    return found


def _instance_size(memory: float, given: int, facts: Known) -> float:
    """The stack's instance size, or a larger one where that is too small."""
    sizes = (given, 512, 2048, facts["largest_memory_mb"])
    return next((size for size in sorted(sizes) if size >= given and size * MIB >= memory), facts["largest_memory_mb"])


def _function(
    situation: Situation, facts: Known, size: float, run: float, memory: float, *, executions: int, billed: float
) -> Estimate:
    found = Estimate(
        facts.technique, facts["start_seconds"], run, round(memory), billed * size / facts["memory_mb_per_core"]
    )
    if memory > facts["largest_memory_mb"] * MIB:
        found.obstacles.append(
            f"would need {memory / GIB:.1f} GiB; the largest instance has {facts['largest_memory_mb'] / 1024:.0f} GiB"
        )
    elif size > situation.setup.instance_memory_mb:
        found.remarks.append(f"needs function_app.instance_memory_mb: {size:.0f} in the stack file")
    found.cost = _cost(
        situation.prices,
        lambda prices: billed * size / 1024 * prices["function_gb_second"] + executions * prices["function_execution"],
    )
    return found


def _batch(situation: Situation, facts: Known) -> Estimate:
    setup = situation.setup
    tasks = min(setup.tasks or setup.partitions, setup.partitions)
    memory = max(situation.part(tasks, 1)[1], situation.completion(1)[1])
    given = machine(setup.vm_size)
    fitting = [each for each in machines() if each.memory_gib * GIB >= memory]
    node = given if given and given in fitting else next(iter(fitting), None)
    used = node or machines()[-1]
    side_by_side = max(1, min(used.cores, tasks, int(used.memory_gib * GIB // memory)))
    nodes = max(1, min(setup.nodes, ceil(tasks / side_by_side)))
    waves = ceil(tasks / (side_by_side * nodes))
    part, completion = situation.part(tasks, used.cores / side_by_side)[0], situation.completion(used.cores)[0]
    run = waves * part + completion
    start = facts["autoscale_seconds"] + facts["node_start_seconds"]
    node_seconds = nodes * (facts["node_start_seconds"] + run + facts["autoscale_seconds"])
    found = Estimate(facts.technique, start, run, round(memory), node_seconds * used.cores)
    found.cost = _cost(situation.prices, lambda prices: node_seconds / HOUR * prices[f"machine_hour.{used.name}"])
    if node is None:
        found.obstacles.append(f"a task would need {memory / GIB:.0f} GiB; {used.name} has {used.memory_gib:.0f} GiB")
    elif node is not given:
        found.remarks.append(f"needs batch.vm_size: {node.name} in the stack file: a task takes {memory / GIB:.1f} GiB")
    found.remarks.append(f"{tasks} tasks, {side_by_side} at once on each of {nodes} nodes {used.name}")
    return found


def _on_spark(situation: Situation, facts: Known) -> float:
    return situation.cpu_seconds * facts["spark_factor"]


def _databricks(situation: Situation, facts: Known) -> Estimate:
    workers = situation.setup.workers
    nodes = workers + 1
    run = facts["spark_seconds"] + _on_spark(situation, facts) / (workers * facts["cores"])
    node_seconds = nodes * (facts["start_seconds"] + run)
    found = Estimate(facts.technique, facts["start_seconds"], run, None, node_seconds * facts["cores"])
    found.cost = _cost(
        situation.prices,
        lambda prices: (
            node_seconds / HOUR * (prices["machine_hour.Standard_DS3_v2"] + facts["dbu_per_hour"] * prices["dbu_hour"])
        ),
    )
    found.remarks.append(f"{workers} workers beside the driver, reckoned with the node type Standard_DS3_v2")
    return found


def _data_flow(situation: Situation, facts: Known) -> Estimate:
    run = facts["spark_seconds"] + _on_spark(situation, facts) / facts["worker_cores"]
    billed = facts["cores"] * max(60.0, facts["start_seconds"] + run)
    found = Estimate(facts.technique, facts["start_seconds"], run, None, billed)
    found.cost = _cost(situation.prices, lambda prices: billed / HOUR * prices["data_flow_core_hour"])
    if not situation.setup.has_data_flow:
        found.obstacles.append("the transform has no data flow in adf_templates/data_flows")
    return found


_MAKERS: Final[Mapping[str, Callable[[Situation, Known], Estimate]]] = {
    "azure_function": _azure_function,
    "durable_function": _durable_function,
    "batch": _batch,
    "databricks": _databricks,
    "data_flow": _data_flow,
}


def _cost(prices: PriceSheet | None, compute: Callable[[PriceSheet], float]) -> float | None:
    if prices is None:
        return None
    try:
        return compute(prices)
    except KeyError:  # the list has no such price for the region
        return None
