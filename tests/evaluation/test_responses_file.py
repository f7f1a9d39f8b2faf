"""Files of responses; `tests/cli` has what `quotetune evaluate` makes of them."""

import pytest

from quotetune.errors import UsageError
from quotetune.evaluation.responses_file import read_responses_file


def test_responses_of_a_directory_without_parts_are_missed_by_name(tmp_path):
    with pytest.raises(UsageError, match=f"{tmp_path}: there are no sample parts in it"):
        read_responses_file(tmp_path, [])
