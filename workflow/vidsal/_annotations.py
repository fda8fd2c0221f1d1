"""Whether a value of a config fits the annotation of the option that it is given to."""

from __future__ import annotations

import ast
from functools import cache

from vidsal import registry

TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool, "list": list, "dict": dict}


def misfit(value: object, annotation: str) -> str:
    """Return what is wrong with a value, such as `'many' is no int`; '' when it fits.

    Args:
        value: as YAML gave it.
        annotation: text of simple types, unions of them, lists and `Literal`; what is none of these
            is fitted by everything.
    """
    tree = _parsed(annotation)
    if _fits(value, tree):
        return ""
    if words := _words(tree):
        return f"{value!r} is not known{registry.nearest(str(value), words)}"
    exponent = isinstance(value, str) and "float" in annotation and _is_number(value)
    hint = "; YAML takes it for a text, write it with a point, as in 1.0e-4" if exponent else ""
    return f"{value!r} is no {annotation}{hint}"


@cache
def _parsed(annotation: str) -> ast.expr:
    return ast.parse(annotation or "object", mode="eval").body


def _fits(value: object, node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _fits(value, node.left) or _fits(value, node.right)
    if isinstance(node, ast.Constant) and node.value is None:
        return value is None
    if isinstance(node, ast.Subscript):
        kind = ast.unparse(node.value)
        if kind == "Literal":
            return any(value == one and type(value) is type(one) for one in _literals(node))
        if kind == "list":
            return isinstance(value, list) and all(_fits(each, node.slice) for each in value)
        node = node.value
    kind = ast.unparse(node)
    if kind not in TYPES:
        return value is not None
    # True is an int to Python, but to nobody else.
    return isinstance(value, TYPES[kind]) and (kind == "bool" or not isinstance(value, bool))


def _literals(node: ast.Subscript) -> list[object]:
    found = ast.literal_eval(node.slice)
    return list(found) if isinstance(found, tuple) else [found]


def _words(tree: ast.expr) -> list[str]:
    """Return the words of all the literals in an annotation."""
    return [
        str(word)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal"
        for word in _literals(node)
    ]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
