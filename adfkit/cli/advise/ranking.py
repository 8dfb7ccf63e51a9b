"""The order of the techniques for a workload, with the reason of each place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adfkit.cli.advise.estimates import DAYS_A_MONTH, Estimate, Situation, Workload, estimates
from adfkit.cli.advise.facts import known


@dataclass(frozen=True, slots=True)
class Place:
    """One technique at its place: `fits` whether it does what is asked for, `reason` why it stands there."""

    rank: int
    estimate: Estimate
    fits: bool
    reason: str

    def as_json(self, workload: Workload) -> dict[str, Any]:
        """For scripts, with what is documented of the technique."""
        facts = known()[self.estimate.technique]
        cost = self.estimate.cost
        return {
            "rank": self.rank,
            "fits": self.fits,
            "reason": self.reason,
            **self.estimate.as_json(),
            "cost_per_month": None if cost is None else cost * workload.runs_per_day * DAYS_A_MONTH,
            "pros": facts.pros,
            "cons": facts.cons,
            "facts": [fact.as_json() for fact in facts.facts.values()],
        }


def rank(situation: Situation) -> list[Place]:
    """The best first: what can do the work, in time and often enough, comes before what can't; then the cheapest.

    Where the price sheet lacks a price of any technique, seconds of cores that are billed stand for the cost of all.
    """
    found = estimates(situation)
    misses = {each.technique: _misses(each, situation.workload) for each in found}
    priced = all(each.cost is not None for each in found)

    def order(each: Estimate) -> tuple[bool, int, float, float]:
        price = each.cost if priced and each.cost is not None else each.core_seconds
        return bool(each.obstacles), len(misses[each.technique]), price, each.seconds

    places = sorted(found, key=order)
    best = places[0]
    return [
        Place(
            number,
            each,
            not each.obstacles and not misses[each.technique],
            _reason(each, misses[each.technique], best, priced=priced),
        )
        for number, each in enumerate(places, 1)
    ]


def _misses(each: Estimate, workload: Workload) -> list[str]:
    """What is asked for and not kept, though the work is done."""
    missed = []
    if workload.latency is not None and each.seconds > workload.latency:
        missed.append(f"{each.seconds:.0f} s from call to result, {workload.latency:.0f} s are asked for")
    if each.seconds > workload.interval:
        missed.append(
            f"a run takes {each.seconds:.0f} s and the next one comes after {workload.interval:.0f} s"
            + ("; a warm cluster or pool would help" if each.run_seconds <= workload.interval else "")
        )
    return missed


def _reason(each: Estimate, misses: Sequence[str], best: Estimate, *, priced: bool) -> str:
    if each.obstacles:
        return f"can't: {'; '.join(each.obstacles)}"
    if misses:
        return f"too slow: {'; '.join([*misses, *each.remarks])}"
    what = "cost" if priced else "billed core seconds"
    if each is best:
        said = f"does it at the least {what}, in {each.seconds:.0f} s"
    else:
        times = each.cost / best.cost if priced and each.cost and best.cost else each.core_seconds / best.core_seconds
        said = f"does it in {each.seconds:.0f} s, for {times:.1f} times the {what} of {best.technique}"
    return "; ".join([said, *each.remarks])
