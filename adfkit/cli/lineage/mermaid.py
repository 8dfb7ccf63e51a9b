"""Lineage as a Mermaid flowchart, which GitHub and Azure DevOps draw: from source files to models."""

from __future__ import annotations

from collections.abc import Sequence

from adfkit.cli.lineage.links import Lineage

DIGITS = 8  # of a run id or etag: enough to tell them apart


def mermaid(found: Sequence[Lineage]) -> str:
    """The flowchart; what several versions share, a source file of one content, is one node."""
    graph = _Graph()
    for each in found:
        by = f" by {each.technique}" if each.technique else ""
        run = graph.node("run", f"{each.pipeline or each.dataset} run {each.run_id[:DIGITS]}\n{each.activity}{by}")
        for file in each.source_files:
            etag = str(file.get("etag", ""))
            label = each.source + str(file["path"]) + (f"\netag {etag}" if etag else "")
            graph.edge(graph.node("file", label), run)
        version = graph.node("data", f"{each.dataset}:{each.version}\n{each.rows} rows")
        graph.edge(run, version)
        for model in each.models:
            graph.edge(version, graph.node("model", f"{model.name}:{model.version}"))
    return "\n".join(["flowchart LR", *graph.lines]) + "\n"


class _Graph:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self._ids: dict[tuple[str, str], str] = {}

    def node(self, kind: str, label: str) -> str:
        key = (kind, label)
        if key not in self._ids:
            self._ids[key] = f"{kind}{len(self._ids) + 1}"
            self.lines.append(f'  {self._ids[key]}["{_escaped(label)}"]')
        return self._ids[key]

    def edge(self, start: str, end: str) -> None:
        line = f"  {start} --> {end}"
        if line not in self.lines:
            self.lines.append(line)


def _escaped(label: str) -> str:
    text = label.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\n", "<br>")
