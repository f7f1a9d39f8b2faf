"""The inputs of a run, which the tests of one file share."""

from typing import Any

import pytest

import tiny_run


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return tiny_run.write_inputs(tmp_path_factory.mktemp("inputs"))
