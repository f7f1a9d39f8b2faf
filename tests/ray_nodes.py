"""A Ray cluster of several nodes on this machine, each a set of processes of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

OBJECT_STORE = 100_000_000


@contextmanager
def local_cluster(folders: list[Path], cores: int = 1) -> Iterator[Any]:
    """Start a node per folder; the processes of a node run in its folder, the first is the head.

    Yields:
        The `ray.cluster_utils.Cluster`, which this process has not joined; `by_name` has its nodes.
    """
    # The nodes are on one machine, so their objects are in one memory.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        from ray.cluster_utils import Cluster

        cluster: Any = Cluster()
        cluster.by_name = {}
        before = Path.cwd()
        try:
            for number, folder in enumerate(folders):
                folder.mkdir(parents=True, exist_ok=True)
                os.chdir(folder)
                name = f"node-{number}"
                cluster.by_name[name] = _node(cluster, cores, name)
            os.chdir(before)
            cluster.wait_for_nodes()
            yield cluster
        finally:
            os.chdir(before)
            cluster.shutdown()


def _node(cluster: Any, cores: int, name: str) -> Any:
    """Start a node. Ray gives up after 30 s, which two test processes together may need."""
    add = partial(
        cluster.add_node, num_cpus=cores, object_store_memory=OBJECT_STORE, node_name=name
    )
    try:
        return add()
    except Exception as error:
        if "timed out during startup" not in str(error):
            raise
    return add()
