"""The tree of a course file as plain values: what an editor hands to a JSON Schema validator."""

from __future__ import annotations

from typing import Any

from drip.course.positions import Node, Row, Table


def plain(node: Node) -> Any:
    """Lists, mappings, and what YAML 1.2 reads in each scalar."""
    if isinstance(node, Table):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, Row):
        return [plain(item) for item in node]
    return node.value
