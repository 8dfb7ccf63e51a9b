"""What an activity can see from where it stands: results of activities, variables, the item of a loop."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_NO_ITEM: Final = object()


@dataclass(slots=True)
class Frame:
    """One block's view. `path` is the prefix of the paths of its activities, empty for the pipeline's own block.

    An inner block sees the results of the blocks around it. What a branch, or a loop's last iteration, did is also seen
    behind the container, as pipelines in the field rely on; iterations of ForEach are seen by none but themselves.
    """

    path: str = ""
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    parent: Frame | None = None
    own_item: Any = _NO_ITEM

    def inner(self, activity: str, branch: str, item: Any = _NO_ITEM) -> Frame:
        """The view of a container's block: `branch` tells its iteration or case from others."""
        return Frame(f"{self.path}{activity}/{branch}/", parent=self, own_item=item)

    def adopt(self, inner: Frame) -> None:
        """Let the activities here see what a container's block did."""
        self.results.update(inner.results)

    @property
    def visible(self) -> Mapping[str, dict[str, Any]]:
        """Results by activity name, of this block and those around it."""
        maps: list[dict[str, dict[str, Any]]] = []
        frame: Frame | None = self
        while frame is not None:
            maps.append(frame.results)
            frame = frame.parent
        return ChainMap(*maps)

    @property
    def items(self) -> tuple[Any, ...]:
        """The items of the loops around, outermost first."""
        outer = self.parent.items if self.parent else ()
        return outer if self.own_item is _NO_ITEM else (*outer, self.own_item)
