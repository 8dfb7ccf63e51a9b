"""The report for a pull request: what needs care first, a table of what changes, and the details to unfold."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from adfkit.preview.artifacts import artifact_of
from adfkit.preview.report import PropertyChange, Report, ResourceChange

SIGN = {"create": "+", "update": "~", "replace": "±", "delete": "-"}
DETAILS = "\n\n<details>"
CUT = "\n\n_{} of {} details are left out here, to stay within {:,} characters: the full report has them._\n"
DETAILED = frozenset({"update", "replace"})
LONGEST_VALUE, LONGEST_REASON = 400, 100
HEADER_LINES = 2
"""Of a unified diff: the names of the two files."""


def render(report: Report) -> str:
    """The whole report as Markdown."""
    bodies = {change.urn: _body(change, report.names) for change in report.changed if change.operation in DETAILED}
    details = [_details(change, bodies[change.urn]) for change in report.changed if bodies.get(change.urn)]
    return "".join([_head(report), *(f"{DETAILS}{text}" for text in details)]) + "\n"


def shorten(text: str, limit: int) -> str:
    """A rendered report of at most `limit` characters: what does not fit is left out from the end, and said so."""
    if len(text) <= limit:
        return text
    head, *details = text.split(DETAILS)
    room = limit - len(CUT.format(len(details), len(details), limit)) - len(head)
    kept = []
    for each in details:
        room -= len(DETAILS) + len(each)
        if room < 0:
            break
        kept.append(each)
    cut = CUT.format(len(details) - len(kept), len(details), limit)
    return DETAILS.join([head[: limit - len(cut)], *kept]) + cut


def _head(report: Report) -> str:
    verb = "Preview" if report.preview else "Deployment"
    return "\n".join(
        [f"### {verb} of the stack `{report.stack}`: {report.summary()}", *_cares(report), *_table(report)]
    )


def _cares(report: Report) -> Iterator[str]:
    for change in report.destructive:
        what = f"**{change.operation} of `{change.name}`** ({change.type})"
        yield f"\n> ⚠️ {what}: what it holds is lost. {_reason(change)}"
    for change in report.changed:
        for effect in change.side_effects:
            yield f"\n> ⏸️ {_cell(effect)}"
    for violation in report.violations:
        sign = "⛔" if violation.level == "mandatory" else "ℹ️"
        yield f"\n> {sign} {violation.level} policy `{violation.policy}`: {_cell(violation.message)}"


def _table(report: Report) -> Iterator[str]:
    if not report.changed:
        return
    yield "\n| | resource | type | why |\n|---|---|---|---|"
    for change in report.changed:
        sign = SIGN.get(change.operation, " ")
        cells = (change.name, change.type, _short(change.reason))
        yield f"| `{sign}` {change.operation} | {' | '.join(map(_cell, cells))} |"


def _details(change: ResourceChange, body: str) -> str:
    sign = SIGN.get(change.operation, " ")
    title = f"<code>{sign}</code> {_html(change.name)} <i>{_html(change.type)}</i>"
    fence = _fence(body)
    return f"<summary>{title}</summary>\n\n{fence}diff\n{body}\n{fence}\n\n</details>"


def _body(change: ResourceChange, names: Mapping[str, str]) -> str:
    artifact = artifact_of(change.type, change.before, change.after)
    diff = artifact.diff() if artifact else ""
    return diff or "\n".join(line for item in change.properties for line in _property(item, names))


def _property(item: PropertyChange, names: Mapping[str, str]) -> Iterator[str]:
    yield f"  {item.path}{'   # forces the replacement' if item.replaces else ''}"
    if isinstance(item.old, str) and isinstance(item.new, str) and "\n" in item.old + item.new:
        yield from list(difflib.unified_diff(item.old.splitlines(), item.new.splitlines(), lineterm=""))[HEADER_LINES:]
        return
    if "add" not in item.kind:
        yield f"- {_value(item.old, names)}"
    if "delete" not in item.kind:
        yield f"+ {_value(item.new, names)}"


def _value(value: Any, names: Mapping[str, str]) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    meant = "".join(f"   # {name}" for id, name in names.items() if id in text)
    if len(text) > LONGEST_VALUE:
        text = f"{text[:LONGEST_VALUE]}… ({len(text):,} characters)"
    return text + meant


def _reason(change: ResourceChange) -> str:
    return f"Why: {_cell(change.reason)}." if change.reason else ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"


def _fence(body: str) -> str:
    """A fence that the body can't close."""
    longest = max((len(line) - len(line.lstrip("`")) for line in body.splitlines()), default=0)
    return "`" * max(3, longest + 1)


def _cell(text: str) -> str:
    return _html(" ".join(text.split())).replace("|", "\\|")


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
