"""The environment of child processes that run a model."""


def child_environment() -> dict[str, str]:
    """Return the complete environment (`env=` of `subprocess`) for a child that imports torch."""
    raise NotImplementedError


def apply_in_child() -> None:
    """Make torch and vLLM keep to the environment; call it before vLLM is imported."""
    raise NotImplementedError
