"""What of a converted network leads to its answers."""

from collections.abc import Sequence
from typing import Any


def keep_needed(graph: Any, nodes: Sequence[Any]) -> None:
    """Gives a graph those of the nodes and constants that lead to its outputs."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept[::-1])
    constants = [constant for constant in graph.initializer if constant.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(constants)
