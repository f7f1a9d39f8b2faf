"""The rules about modules that the import linter does not check."""

import ast
import importlib.util
import tomllib
from pathlib import Path

import pytest

import quotetune

PACKAGE = Path(quotetune.__file__).parent
PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
LAYERS, _ = PROJECT["tool"]["importlinter"]["contracts"]
TREES = {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def modules_in_strings(tree: ast.AST) -> set[str]:
    """All strings of the form `quotetune.a.b` in a module."""
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith("quotetune.")
        and all(part.isidentifier() for part in node.value.split("."))
    }


NAMED = set().union(*map(modules_in_strings, TREES.values()))


def test_strings_that_name_modules_are_found():
    tree = ast.parse('run_child("quotetune.sampling.worker")\n"quotetune.x, in prose"')
    assert modules_in_strings(tree) == {"quotetune.sampling.worker"}
    assert {"quotetune.sampling.worker", "quotetune.training.worker"} <= NAMED


@pytest.mark.parametrize("name", sorted(NAMED))
def test_a_module_that_a_string_names_is_there(name):
    assert importlib.util.find_spec(name) is not None


def test_every_public_name_is_where_the_package_says():
    in_place = {"QuotetuneError", "QuotetuneWarning", "UnknownDocumentError", "UsageError"}
    assert quotetune._MODULES.keys() | in_place == set(quotetune.__all__)
    for name, module in quotetune._MODULES.items():
        defined = getattr(importlib.import_module(f"quotetune.{module}"), name)
        assert getattr(quotetune, name) is defined


def imported_modules(tree: ast.AST) -> set[str]:
    """The modules that a module imports from; `quotetune.x` for `from quotetune import x`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "quotetune":
            found |= {f"quotetune.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module)
    return found


def test_only_the_corpus_imports_the_core():
    importing = {
        path for path, tree in TREES.items() if "quotetune._core" in imported_modules(tree)
    }
    assert {path.parent for path in importing} == {PACKAGE / "corpus"}


def test_no_room_imports_from_the_public_face():
    face = set(LAYERS["exhaustive_ignores"]) - {"errors"} | set(quotetune.__all__)
    forbidden = {"quotetune", *(f"quotetune.{name}" for name in face)}
    for path, tree in TREES.items():
        if path.parent != PACKAGE:
            assert not imported_modules(tree) & forbidden, path
