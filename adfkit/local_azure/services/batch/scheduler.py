"""Gives pools their nodes, and tasks their slots: what waits is started as soon as its pool has room for it."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections import defaultdict, deque
from typing import Final

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resource_id import parse
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.services.batch import autoscale, dependencies, execution
from adfkit.local_azure.services.batch.execution import Place
from adfkit.local_azure.services.batch.nodes import Node, NodeAgent, environment, make_node
from adfkit.local_azure.services.batch.records import Json, Records, Task, now, set_state

POOLS: Final = "Microsoft.Batch/batchAccounts/pools"
TICK: Final = 1.0
KEPT_SAMPLES: Final = 1000

logger = logging.getLogger(__name__)
TaskKey = tuple[str, str, str]


class Scheduler:
    """One loop over all pools. Where Azure evaluates a formula each interval only, here it is evaluated at once when
    tasks wait, and each interval when none do: nobody waits five minutes for a node that costs nothing."""

    def __init__(self, platform: Platform, records: Records) -> None:
        self._platform = platform
        self._records = records
        self._agent = NodeAgent(platform)
        self._nodes: dict[str, list[Node]] = {}
        self._running: dict[TaskKey, asyncio.Task[None]] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._samples: dict[str, deque[tuple[float, float, float]]] = defaultdict(lambda: deque(maxlen=KEPT_SAMPLES))
        self._evaluated: dict[str, float] = {}
        self.scale_runs: dict[str, Json] = {}
        """How the last evaluation of a pool's formula went."""

    async def start(self) -> None:
        """Put back what a killed process left running, as Batch does with the tasks of a node that restarted."""
        for task in self._records.unfinished():
            if task.state != "active":
                task.execution.update(requeueCount=task.execution["requeueCount"] + 1, lastRequeueTime=now())
                set_state(task.document, "active")
                self._records.save_task(task)
        await self._agent.start()
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End every process; tasks go on at the next start."""
        pending = [each for each in (self._loop, *self._running.values(), *self._starting) if each is not None]
        for each in pending:
            each.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        await self._agent.stop()

    def wake(self) -> None:
        """Look at once whether there is something to do."""
        self._wake.set()

    def nodes(self, pool: str) -> list[Node]:
        """The nodes of a pool, by its resource id."""
        return self._nodes.get(pool.lower(), [])

    async def terminate(self, task: Task, failure: Json) -> None:
        """End a task that has not ended."""
        running = self._running.get(task.key)
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        current = self._records.task(*task.key)
        if current.state != "completed":
            execution.end(self._records, current, failure)
        self.wake()

    async def _run(self) -> None:
        while True:
            try:
                self._pass()
            except Exception:
                logger.exception("The scheduler of Batch goes on after this")
            try:
                await asyncio.wait_for(self._wake.wait(), TICK)
            except TimeoutError:
                continue
            finally:
                self._wake.clear()

    def _pass(self) -> None:
        waiting: dict[str, list[Task]] = defaultdict(list)
        running: dict[str, int] = defaultdict(int)
        for task in self._records.unfinished():
            job = self._records.job(task.account, task.job)
            pool = f"{task.account}/pools/{job.pool}".lower()
            if task.key in self._running:
                running[pool] += 1
            elif task.state == "active" and job.state == "active":
                waiting[pool].append(task)
        known = {pool.id.lower(): pool for pool in self._platform.resources.of_type(POOLS)}
        for gone in self._nodes.keys() - known.keys():
            self._remove(gone, 0)
        for id, resource in known.items():
            self._scale(resource, len(waiting[id]), running[id])
            for task in waiting[id]:
                self._place(resource, task)

    def _place(self, pool: Resource, task: Task) -> None:
        if not dependencies.satisfied(self._records, task):
            return
        fitting = [
            node for node in self.nodes(pool.id) if node.state in ("idle", "running") and node.free >= task.slots
        ]
        if not fitting:
            return
        spread = str((pool.properties.get("taskSchedulingPolicy") or {}).get("nodeFillType", "Spread")) == "Spread"
        node = max(fitting, key=lambda each: each.free) if spread else min(fitting, key=lambda each: each.free)
        node.running[task.key] = task.slots
        node.set_state("running")
        task.document["nodeInfo"] = {
            "affinityId": f"TVM:{node.id}",
            "nodeId": node.id,
            "poolId": parse(pool.id).name,
            "taskRootDirectory": f"workitems/{task.job}/job-1/{task.id}",
        }
        self._running[task.key] = asyncio.create_task(self._work(pool, node, task))

    async def _work(self, pool: Resource, node: Node, task: Task) -> None:
        job = self._records.job(task.account, task.job)
        try:
            settings = job.document.get("commonEnvironmentSettings") or []
            await execution.run(self._at(pool, node), self._records, task, settings)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            logger.exception("Task %s of job %s", task.id, task.job)
            message = f"Local Azure could not run the task: {type(error).__name__}: {error}"
            execution.end(self._records, task, execution.failure_info("InternalError", message, "ServerError"))
        finally:
            self._running.pop(task.key, None)
            node.running.pop(task.key, None)
            node.tasks_run += 1
            node.tasks_succeeded += task.succeeded
            if not node.running and node.state == "running":
                node.set_state("idle")
            self.wake()
        await dependencies.after_task(self._records, self, task)

    def _at(self, pool: Resource, node: Node) -> Place:
        account = self._platform.resources.require(parse(pool.id).parent)
        return Place(self._platform, self._agent, account, pool, node)

    def _scale(self, pool: Resource, waiting: int, running: int) -> None:
        key, moment = pool.id.lower(), time.monotonic()
        settings = pool.properties.get("scaleSettings") or {}
        auto = settings.get("autoScale")
        nodes = self._nodes.setdefault(key, [])
        samples = self._samples[key]
        if not samples or samples[-1][1:] != (waiting, running) or moment - samples[-1][0] >= autoscale.SAMPLE_SECONDS:
            samples.append((moment, waiting, running))
        if auto is None:
            fixed = settings.get("fixedScale") or {}
            wanted = int(fixed.get("targetDedicatedNodes") or 0) + int(fixed.get("targetLowPriorityNodes") or 0)
        else:
            interval = execution.DURATION.validate_python(auto["evaluationInterval"]).total_seconds()
            age = moment - self._evaluated.get(key, float("-inf"))
            if not ((waiting and age >= TICK) or age >= interval):
                return
            self._evaluated[key] = moment
            run = self.evaluate(pool, str(auto["formula"]))
            self.scale_runs[key] = run
            if "error" in run:
                return
            wanted = targets(run["results"])
        for node in nodes:
            if not node.running:
                node.slots = int(pool.properties.get("taskSlotsPerNode") or 1)
        while len(nodes) < wanted:
            self._add(pool, nodes)
        if len(nodes) > wanted:
            self._remove(key, wanted)

    def evaluate(self, pool: Resource, formula: str) -> Json:
        """An `AutoScaleRun`: what the formula yields now."""
        key, moment = pool.id.lower(), time.monotonic()
        samples = list(reversed(self._samples[key])) or [(moment, 0, 0)]
        values = {
            "$PendingTasks": [(moment - at, float(waiting + running)) for at, waiting, running in samples],
            "$ActiveTasks": [(moment - at, float(waiting)) for at, waiting, _ in samples],
            "$RunningTasks": [(moment - at, float(running)) for at, _, running in samples],
        }
        nodes = float(len(self.nodes(key)))
        variables = {
            "$CurrentDedicatedNodes": nodes,
            "$CurrentLowPriorityNodes": 0.0,
            "$TargetDedicatedNodes": nodes,
            "$TargetLowPriorityNodes": 0.0,
            "$TaskSlotsPerNode": float(pool.properties.get("taskSlotsPerNode") or 1),
        }
        try:
            sampled = {name: autoscale.Samples(pairs) for name, pairs in values.items()}
            found = autoscale.evaluate(formula, sampled, variables)
        except autoscale.FormulaError as error:
            return {"timestamp": now(), "error": {"code": "AutoScalingFormulaEvaluationError", "message": str(error)}}
        shown: dict[str, autoscale.Value] = {
            "$TargetDedicatedNodes": nodes,
            "$TargetLowPriorityNodes": 0.0,
            "$NodeDeallocationOption": "requeue",
        }
        return {
            "timestamp": now(),
            "results": ";".join(f"{name}={_shown(value)}" for name, value in {**shown, **found}.items()),
        }

    def _add(self, pool: Resource, nodes: list[Node]) -> None:
        node = make_node(self._platform, pool, len(nodes))
        nodes.append(node)
        starting = asyncio.create_task(self._start_node(pool, node))
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)

    async def _start_node(self, pool: Resource, node: Node) -> None:
        start: Json | None = pool.properties.get("startTask")
        state = "idle"
        if start:
            node.set_state("waitingforstarttask")
            folder = node.folder / "startup"
            place = self._at(pool, node)
            variables = environment(self._platform, self._agent, place.account, pool, node, folder)
            variables.update(execution.named_values(start.get("environmentSettings") or []))
            info: Json = {"state": "running", "startTime": now(), "retryCount": 0}
            node.start_task = info
            failure: Json | None = None
            try:
                status = await execution.start_and_wait(place, str(start["commandLine"]), variables, folder, None)
                info["exitCode"] = status
                if status:
                    failure = execution.failure_info("FailureExitCode", f"The start task exited with {status}.")
            except execution.TaskFailedError as error:
                failure = execution.failure_info(error.code, str(error))
            info.update(state="completed", endTime=now(), result="failure" if failure else "success")
            if failure:
                info["failureInfo"] = failure
                logger.warning("the start task of %s failed: %s; see %s", pool.id, failure["message"], folder)
                state = "starttaskfailed" if start.get("waitForSuccess", True) else "idle"
        node.set_state(state)
        self.wake()

    def _remove(self, pool: str, keep: int) -> None:
        """Let go of idle nodes, the last ones first; one that still works goes when it is done."""
        nodes = self._nodes[pool]
        while len(nodes) > keep and not nodes[-1].running:
            node = nodes.pop()
            shutil.rmtree(node.folder, ignore_errors=True)
        if not nodes and keep == 0:
            self._nodes.pop(pool, None)


def targets(results: str) -> int:
    """The number of nodes that the results of a formula ask for."""
    pairs = dict(pair.partition("=")[::2] for pair in results.split(";"))
    wanted = (pairs.get(name, "0") for name in ("$TargetDedicatedNodes", "$TargetLowPriorityNodes"))
    return sum(max(0, int(float(value))) for value in wanted)


def _shown(value: autoscale.Value) -> str:
    if isinstance(value, list):
        return f"[{';'.join(f'{item:g}' for item in value)}]"
    return value if isinstance(value, str) else f"{value:g}"
