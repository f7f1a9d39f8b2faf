"""The keys of `sampling.engine`, read from vLLM's source, because to import vLLM takes seconds."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

AUTOMATIC = -1  # as max_model_len, the model's context, or what of it fits into the memory
# Where vLLM declares them: the file, the class, and the method whose arguments they are.
_ARGUMENTS = ("engine/arg_utils.py", "EngineArgs", None)
_EXPLICIT = ("entrypoints/llm.py", "LLM", "__init__")


@cache
def engine_keys() -> frozenset[str] | None:
    """Return the arguments that the installed `vllm.LLM` takes.

    Returns:
        Their names; None if vLLM is not installed, or declares them elsewhere.
    """
    spec = find_spec("vllm")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    found: set[str] = set()
    for file, name, method in (_ARGUMENTS, _EXPLICIT):
        try:
            tree = ast.parse((package / file).read_text(encoding="utf-8"))
        except (OSError, ValueError, SyntaxError):
            return None
        here = set(_declared(tree, name, method))
        if not here:
            return None
        found |= here
    return frozenset(found - {"self"})


def _declared(tree: ast.Module, name: str, method: str | None) -> Iterator[str]:
    """Yield the fields of a class, or the arguments of one of its methods."""
    for kind in tree.body:
        if not isinstance(kind, ast.ClassDef) or kind.name != name:
            continue
        for part in kind.body:
            if method is None and isinstance(part, ast.AnnAssign):
                if isinstance(part.target, ast.Name):
                    yield part.target.id
            elif isinstance(part, ast.FunctionDef) and part.name == method:
                yield from (one.arg for one in (*part.args.args, *part.args.kwonlyargs))
