"""The report from what `pulumi preview --json` prints.

https://github.com/pulumi/pulumi/blob/master/sdk/go/common/display/json.go (PreviewDigest)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adfkit.artifacts.plan import differences
from adfkit.preview.report import PropertyChange, Report, ResourceChange

SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"  # noqa: S105 - a marker of the wire format
MASK = "[secret]"
PROVIDER = "__provider"
"""The pickled provider of a dynamic resource: nothing that a person reads."""
PARTS = frozenset(
    {"create-replacement", "delete-replaced", "discard-replaced", "read-replacement", "remove-pending-replace"}
)
"""Steps that carry out a replacement, which has a step `replace` of its own."""


class PreviewError(Exception):
    """What was read is no preview of the Pulumi CLI."""


def read(stack: str, document: Any) -> Report:
    """The report of a preview.

    Raises:
        PreviewError: the document is another one; the text says what it lacks.
    """
    if not isinstance(document, dict) or not isinstance(document.get("steps"), list):
        raise PreviewError("This is not what `pulumi preview --json` prints: it has no list `steps`.")
    changes = [_change(step) for step in document["steps"] if step.get("op") not in PARTS]
    return Report(stack, True, changes, float(document.get("duration", 0)) / 1e9)


def _change(step: Mapping[str, Any]) -> ResourceChange:
    old, new = step.get("oldState") or {}, step.get("newState") or {}
    before, after = _masked(old.get("inputs")), _masked(new.get("inputs"))
    replacing = frozenset(step.get("replaceReasons") or ())
    urn = str(step["urn"])
    same = step["op"] == "same"
    return ResourceChange(
        operation=str(step["op"]),
        urn=urn,
        type=str((new or old).get("type", "")),
        name=urn.rsplit("::", 1)[-1],
        properties=tuple(_properties(before, after, replacing)) if before and after and not same else (),
        reason=_reason(step),
        before=None if same else before,
        after=None if same else after,
    )


def _properties(
    before: Mapping[str, Any], after: Mapping[str, Any], replacing: frozenset[str]
) -> Iterator[PropertyChange]:
    # compared here: the CLI tells which properties differ only where a provider does
    for difference in differences(before, after):
        path = difference.path.removeprefix("$.")
        kind = "add" if difference.old is None else "delete" if difference.new is None else "update"
        forces = any(path == name or path.startswith((f"{name}.", f"{name}[")) for name in replacing)
        yield PropertyChange(path, f"{kind}-replace" if forces else kind, difference.old, difference.new)


def _reason(step: Mapping[str, Any]) -> str:
    if step.get("replaceReasons"):
        return f"{', '.join(step['replaceReasons'])} cannot change in place"
    return f"{', '.join(step['diffReasons'])} changed" if step.get("diffReasons") else ""


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        if SECRET_SIGNATURE in value and ("plaintext" in value or "ciphertext" in value):
            return MASK
        return {key: _masked(item) for key, item in value.items() if key != PROVIDER}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value
