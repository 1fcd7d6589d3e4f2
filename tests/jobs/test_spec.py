from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from graasp.jobs.spec import RetryPolicy


@given(
    failures=st.integers(min_value=1, max_value=10_000),
    first=st.floats(min_value=0.1, max_value=60),
    factor=st.floats(min_value=1, max_value=10),
)
def test_the_pause_grows_and_never_exceeds_the_longest(failures: int, first: float, factor: float) -> None:
    policy = RetryPolicy(first_delay=timedelta(seconds=first), factor=factor, longest=timedelta(minutes=10))
    assert timedelta(0) < policy.delay(failures) <= policy.delay(failures + 1) <= timedelta(minutes=10)
