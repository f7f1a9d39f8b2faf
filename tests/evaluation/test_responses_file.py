"""Files of responses. `tests/cli` tests them through `quotetune evaluate`."""

import pytest

from quotetune.errors import UsageError
from quotetune.evaluation.responses_file import read_responses_file


def test_a_directory_without_sample_parts_is_refused_by_name(tmp_path):
    with pytest.raises(UsageError, match=f"{tmp_path}: no sample parts: sample first"):
        read_responses_file(tmp_path, [])
