"""The report for a pull request: what needs care first, a table of what changes, and the details to unfold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from adfkit.preview.artifacts import artifact_of
from adfkit.preview.report import PropertyChange, Report, ResourceChange

SIGN = {"create": "+", "update": "~", "replace": "±", "delete": "-"}
DETAILS = "\n\n<details>"
CUT = "\n\n_{} of {} details are left out here, to stay within {:,} characters: the full report has them._\n"
LONGEST_VALUE = 400


def render(report: Report) -> str:
    """The whole report as Markdown."""
    details = [_details(change) for change in report.changed if _has_details(change)]
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
        yield f"| `{sign}` {change.operation} | {_cell(change.name)} | {_cell(change.type)} | {_cell(change.reason)} |"


def _has_details(change: ResourceChange) -> bool:
    return change.operation in ("update", "replace") and bool(_body(change))


def _details(change: ResourceChange) -> str:
    sign = SIGN.get(change.operation, " ")
    title = f"<code>{sign}</code> {_html(change.name)} <i>{_html(change.type)}</i>"
    fence = _fence(_body(change))
    return f"<summary>{title}</summary>\n\n{fence}diff\n{_body(change)}\n{fence}\n\n</details>"


def _body(change: ResourceChange) -> str:
    artifact = artifact_of(change.type, change.before, change.after)
    diff = artifact.diff() if artifact else ""
    return diff or "\n".join(line for item in change.properties for line in _property(item))


def _property(item: PropertyChange) -> Iterator[str]:
    yield f"  {item.path}{'   # forces the replacement' if item.replaces else ''}"
    if "add" not in item.kind:
        yield f"- {_value(item.old)}"
    if "delete" not in item.kind:
        yield f"+ {_value(item.new)}"


def _value(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text):,} characters)"


def _reason(change: ResourceChange) -> str:
    return f"Why: {_cell(change.reason)}." if change.reason else ""


def _fence(body: str) -> str:
    """A fence that the body can't close."""
    longest = max((len(line) - len(line.lstrip("`")) for line in body.splitlines()), default=0)
    return "`" * max(3, longest + 1)


def _cell(text: str) -> str:
    return _html(" ".join(text.split())).replace("|", "\\|")


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
