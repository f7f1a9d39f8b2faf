"""Where a work in parts is done: in one child, in several on this machine, or on a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager

from quotetune.config import SamplingConfig
from quotetune.sampling.ray_replicas import on_nodes
from quotetune.sampling.replicas import Child, Start, local_places, on_this_machine


def is_one_child(sampling: SamplingConfig) -> bool:
    """Tell whether one child of this machine does the work, so that no parts are handed out.

    Args:
        sampling: Where to work; its backend is not `auto`.
    """
    return sampling.executor == "local" and len(local_places(sampling)) == 1


@contextmanager
def replicas_of(child: Child, sampling: SamplingConfig, parts: int) -> Iterator[tuple[Start, int]]:
    """Find the places of the replicas of a child, until the block ends.

    Args:
        child: What a replica runs.
        sampling: Where to work; its backend is not `auto`.
        parts: The number of parts; there are no more replicas.

    Yields:
        The function that starts a replica in a place, and the number of places.

    Raises:
        UsageError: As for `ray_replicas.joined`.
    """
    if sampling.executor == "ray":
        with on_nodes(child, sampling, parts) as found:
            yield found
        return
    places = local_places(sampling)[:parts]
    yield on_this_machine(child, places), len(places)
