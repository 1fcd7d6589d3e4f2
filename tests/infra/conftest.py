"""The stack of every environment in every state, each written out once, in one process: Node.js starts slowly."""

from collections.abc import Callable
from functools import cache

import pytest

from graasp.deployment.states import State
from tests.infra.synthesised import DOMAINS, Synthesised

Synthesise = Callable[[str, State], Synthesised]


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    @cache
    def written(environment: str, state: State) -> Synthesised:
        from infra.node import use_packaged_node

        use_packaged_node()
        from infra.environments import ENVIRONMENTS
        from infra.stack import synthesise

        folder = tmp_path_factory.mktemp(f"{environment}-{state}")
        return Synthesised(synthesise(ENVIRONMENTS[environment], state, folder))

    return written


@pytest.fixture(params=DOMAINS)
def running(request: pytest.FixtureRequest, synthesised: Synthesise) -> Synthesised:
    """For what is the same in every state: each environment, running."""
    return synthesised(request.param, State.RUNNING)
