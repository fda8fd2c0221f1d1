"""Names, options and code fingerprints of every room, read from syntax trees alone.

A room is a folder of the package; every public file in it defines one thing under the file's name
(`attribution/grad_cam.py` defines `grad_cam`). Nothing here imports a room file except `load`, so
that a dry run never pays for torch. `extra` is a folder laid out like the package
(`my_rooms/attribution/my_method.py`) whose files join the rooms.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import importlib
import importlib.util
import sys
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from vidsal import _digests
from vidsal.errors import InputError

PACKAGE = Path(__file__).resolve().parent
ROOMS = (
    "datasets",
    "recordings",
    "models",
    "attribution",
    "gaze",
    "controls",
    "aggregation",
    "metrics",
    "faithfulness",
)
OF_OTHER_VIDEOS = frozenset({"other_fixations", "baseline", "other_frames"})
"""Needs of metrics and controls that only all videos of a dataset together can meet."""
DOCSTRING_OWNERS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Option:
    """One keyword-only argument: the text of its annotation and its default."""

    annotation: str
    default: object = None


@dataclass(frozen=True)
class Entry:
    """What one room file says of itself: docstring and its first line, needs, options, ..."""

    room: str
    name: str
    path: Path
    summary: str
    needs: tuple[str, ...]
    options: dict[str, Option]
    constants: dict[str, object] = field(default_factory=dict)
    functions: frozenset[str] = frozenset()
    doc: str = ""


def files(room: str, extra: str | None = None) -> dict[str, Path]:
    """Return name -> file of everything in a room; a user's file may not take a name in use."""
    found = _public_files(PACKAGE / room)
    if extra:
        own = _public_files(Path(extra).resolve() / room)
        for name in own.keys() & found.keys():
            raise InputError(
                f"{own[name]}: the name {name} is taken by vidsal's own {room}; rename the file"
            )
        found |= own
    return dict(sorted(found.items()))


def names(room: str, extra: str | None = None) -> list[str]:
    """Return the sorted names of everything in a room."""
    return list(files(room, extra))


def entry(room: str, name: str, extra: str | None = None) -> Entry:
    """Return what the file of `name` says of itself.

    Raises:
        InputError: no such file, or it does not define a function of its own name.
    """
    known = files(room, extra)
    if name not in known:
        raise InputError(f"{room}: {name!r} is not known{nearest(name, known)}")
    return _entry(room, name, known[name])


def load(room: str, name: str, extra: str | None = None) -> Callable:
    """Import the file of `name` and return its function."""
    return getattr(module(room, name, extra), name)


def module(room: str, name: str, extra: str | None = None) -> types.ModuleType:
    """Import and return the module of `name`."""
    path = entry(room, name, extra).path
    if path.is_relative_to(PACKAGE):
        return importlib.import_module(f"vidsal.{room}.{name}")
    return _import_from_user(room, name, path)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or the list of what there is when nothing is near."""
    known = sorted(known)
    match = difflib.get_close_matches(str(word), known, n=1, cutoff=0.6)
    if match:
        return f"; did you mean {match[0]!r}?"
    return f"; known: {', '.join(known) if known else 'none'}"


def fingerprint(*paths: Path | str) -> str:
    """Return 16 hex digits that change when code that these files run changes.

    The closure of vidsal imports (and of imports within a user's own rooms, and of gaze formats
    that are named in calls) is hashed, over a canonical dump of each syntax tree without
    docstrings, so that comments, layout and the Python version leave it alone.
    """
    return _fingerprint(tuple(sorted({str(path) for path in paths})))


@cache
def _fingerprint(paths: tuple[str, ...]) -> str:
    # Kept for the life of a process: within one run the code is taken to be what it was at first.
    seen: dict[str, str] = {}
    todo = [Path(path).resolve() for path in paths]
    while todo:
        path = todo.pop()
        label = _label(path)
        if label not in seen:
            digest, imported = _file_digest(path, path.stat().st_mtime_ns)
            seen[label] = digest
            todo.extend(imported)
    text = "\n".join(f"{label} {digest}" for label, digest in sorted(seen.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def signature(file: str, function: str) -> dict[str, str]:
    """Return the keyword-only arguments of a function of the package, with their annotations."""
    path = PACKAGE / file
    for node in _tree(path, path.stat().st_mtime_ns).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            arguments = node.args.kwonlyargs
            return {a.arg: ast.unparse(a.annotation) if a.annotation else "" for a in arguments}
    raise KeyError(f"{file} has no function {function}")


def content(folder: str, *patterns: str) -> str:
    """Return 16 hex digits over the bytes of files of the package that are no Python."""
    found = sorted(p for pattern in patterns for p in (PACKAGE / folder).glob(pattern))
    return hashlib.sha256(b"\0".join(p.read_bytes() for p in found)).hexdigest()[:16]


def canonical(source: str) -> str:
    """Return a dump of the syntax tree that is equal under Python 3.11, 3.12 and 3.13."""
    return _dump(ast.parse(source))


def _public_files(folder: Path) -> dict[str, Path]:
    return {p.stem: p for p in folder.glob("*.py") if not p.stem.startswith("_")}


@cache
def _entry(room: str, name: str, path: Path) -> Entry:
    tree = _tree(path, path.stat().st_mtime_ns)
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    if name not in functions:
        raise InputError(f"{path}: the file defines no function {name!r}; name both the same")
    own = functions[name]
    constants = _constants(tree)
    doc = ast.get_docstring(tree) or ""
    return Entry(
        room=room,
        name=name,
        path=path,
        summary=doc.splitlines()[0] if doc else "",
        needs=tuple(a.arg for a in own.args.posonlyargs + own.args.args),
        options=_options(own, path, constants),
        constants=constants,
        functions=frozenset(functions),
        doc=doc,
    )


def _options(function: ast.FunctionDef, path: Path, known: dict) -> dict[str, Option]:
    found = {}
    for arg, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if default is None:
            raise InputError(f"{path}: option {arg.arg!r} has no default; every option needs one")
        annotation = ast.unparse(arg.annotation) if arg.annotation else ""
        found[arg.arg] = Option(annotation, _literal(default, known))
    return found


def _constants(tree: ast.Module) -> dict[str, object]:
    """Return the constants of a file: literals, and those that it imports from the package."""
    found: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            found |= _imported_constants(node)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and target.id.isupper() and value is not None:
                found[target.id] = _literal(value, found)
    return found


def _imported_constants(node: ast.ImportFrom) -> dict[str, object]:
    """Return the constants that `from vidsal.models._x import LAYOUTS` brings along."""
    names = {alias.name: alias.asname or alias.name for alias in node.names if alias.name.isupper()}
    package, *parts = (node.module or "").split(".")
    path = PACKAGE.joinpath(*parts).with_suffix(".py")
    if not names or node.level or package != "vidsal" or not path.is_file():
        return {}
    there = _constants(_tree(path, path.stat().st_mtime_ns))
    return {own: there[name] for name, own in names.items() if name in there}


def _literal(node: ast.expr, known: dict[str, object] | None = None) -> object:
    """Return the value of a constant expression such as 1 / 255, or of a constant of the file.

    Anything else is kept as its text: it may be shown, but not used as a default.
    """
    try:
        code = compile(ast.Expression(node), "<constant>", "eval")
        return eval(code, {"__builtins__": {}}, dict(known or {}))
    except Exception:
        return ast.unparse(node)


def _import_from_user(room: str, name: str, path: Path) -> types.ModuleType:
    for package, folder in (("vidsal_user", path.parents[1]), (f"vidsal_user.{room}", path.parent)):
        if package not in sys.modules:
            sys.modules[package] = types.ModuleType(package)
        sys.modules[package].__path__ = [str(folder)]
    spec = importlib.util.spec_from_file_location(f"vidsal_user.{room}.{name}", path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


@cache
def _tree(path: Path, modified: int) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except SyntaxError as error:
        raise InputError(f"{path}: not valid Python ({error}); mend the file") from error


@cache
def _file_digest(path: Path, modified: int) -> tuple[str, tuple[Path, ...]]:
    try:
        digest, imports = _digests.of(path.read_bytes(), _summary)
    except SyntaxError as error:
        raise InputError(f"{path}: not valid Python ({error}); mend the file") from error
    found = {file for one in imports for file in _imported_files(one, path)}
    return digest, tuple(sorted(found))


def _summary(source: bytes) -> tuple[str, list[list]]:
    """Return the digest of a source and what it imports; depends on nothing but the source."""
    tree = ast.parse(source)
    imports = sorted(one for node in ast.walk(tree) for one in _imports(node))
    return hashlib.sha256(_dump(tree).encode()).hexdigest(), [list(one) for one in imports]


def _label(path: Path) -> str:
    if path.is_relative_to(PACKAGE):
        return path.relative_to(PACKAGE).as_posix()
    return f"user/{path.parent.name}/{path.name}"


def _imports(node: ast.AST) -> list[tuple[int, str, str]]:
    """Return what a node imports: (level, module, name of a module in it or '')."""
    if isinstance(node, ast.Import):
        return [(0, alias.name, "") for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.level, node.module or "", alias.name) for alias in node.names]
    if name := _named_format(node):
        return [(0, "vidsal.recordings", name)]
    return []


def _imported_files(imported: tuple[int, str, str], path: Path) -> set[Path]:
    """Return the files of the package (or of the user's rooms) that an import in a file runs."""
    level, module, name = imported
    parts = module.split(".") if module else []
    if not level:
        if parts[:1] != ["vidsal"]:
            return set()
        parts = parts[1:]
    origin = (path.parents[level - 1] if level else PACKAGE).joinpath(*parts)
    return _module_files(origin) | (_module_files(origin / name) if name else set())


def _named_format(node: ast.AST) -> str:
    """Return the gaze format that `read(path, format="eyelink")` names, as good as an import."""
    if isinstance(node, ast.keyword) and node.arg == "format":
        value = getattr(node.value, "value", None)
        return value if isinstance(value, str) and value.isidentifier() else ""
    return ""


def _module_files(origin: Path) -> set[Path]:
    """Return the module's file and the `__init__` of the packages that its import runs."""
    target = origin / "__init__.py" if origin.is_dir() else origin.with_name(origin.name + ".py")
    if not target.is_file():
        return set()
    found = {target}
    for parent in target.parents:
        init = parent / "__init__.py"
        if not parent.is_relative_to(PACKAGE) or not init.is_file():
            break
        found.add(init)
    return found


def _dump(node: object) -> str:
    if isinstance(node, ast.AST):
        fields = ((name, getattr(node, name, None)) for name in node._fields)
        kept = [
            f"{name}={_dump(_plain(node, name, value))}"
            for name, value in fields
            # ctx, kind and type_comment carry no behaviour; empty fields come and go by version.
            if name not in ("ctx", "kind", "type_comment") and value not in (None, [])
        ]
        return f"{type(node).__name__}({','.join(kept)})"
    if isinstance(node, list):
        return f"[{','.join(_dump(item) for item in node)}]"
    return repr(node)


def _plain(node: ast.AST, name: str, value: object) -> object:
    """Return a field without docstrings and without the empty f-string parts of Python 3.12."""
    if isinstance(node, ast.JoinedStr):
        return [part for part in value if not (isinstance(part, ast.Constant) and not part.value)]
    if name != "body" or not isinstance(node, DOCSTRING_OWNERS) or not value:
        return value
    first = value[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    if is_docstring and isinstance(first.value.value, str):
        return value[1:]
    return value
