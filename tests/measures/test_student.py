"""Student's t against scipy, which the package itself does not need."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from quotetune.measures.student import t_interval, t_quantile


@given(st.integers(1, 400), st.floats(0.5, 0.9999))
def test_the_quantile_is_scipys(degrees, share):
    assert t_quantile(share, degrees) == pytest.approx(
        stats.t.ppf(share, degrees), rel=1e-9, abs=1e-9
    )


@given(
    st.lists(st.floats(-1, 1).map(lambda value: round(value, 3)), min_size=2, max_size=9),
    st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
def test_the_interval_is_scipys(values, level):
    error = stats.sem(values)
    expected = (values[0], values[0])
    if error > 0:  # scipy has no distribution without spread
        mean = sum(values) / len(values)
        expected = stats.t.interval(level, len(values) - 1, loc=mean, scale=error)
    assert t_interval(values, level) == pytest.approx(expected, abs=1e-9)


def test_one_number_has_no_interval():
    assert t_interval([0.5]) is None
    assert t_interval([]) is None
