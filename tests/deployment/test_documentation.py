"""What the documentation says of states and transitions is what the code does."""

from collections.abc import Iterable
from itertools import permutations
from pathlib import Path

from graasp.deployment.commands import state_commands
from graasp.deployment.console import ExitCode
from graasp.deployment.planner import plan
from graasp.deployment.release_command import release_version
from graasp.deployment.states import PRODUCTION, SINGLE, STATES, Service, State, desired_count

STATES_PAGE = Path(__file__).parents[2] / "docs" / "operations" / "states.md"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [header, ["---"] * len(list(header)), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def table_of_states() -> str:
    def counts(service: Service, state: State) -> str:
        small, large = (desired_count(state, service, replicas) for replicas in (SINGLE, PRODUCTION))
        return str(small) if small == large else f"{small} ({large} in production)"

    rows = [[service, *(counts(service, state) for state in State)] for service in Service]
    rows.append(["database", *("up" if STATES[state].database else "down" for state in State)])
    rows.append(["migration task", *("run once" if STATES[state].migrates else "–" for state in State)])
    return table(["", *(f"`{state}`" for state in State)], rows)


def table_of_doors() -> str:
    def passes(service: Service, state: State) -> str:
        return "header only" if service in STATES[state].guarded else "everybody"

    rows = [
        ["the product", *(passes(Service.CORE, state) for state in State)],
        ["Umami", *(passes(Service.UMAMI, state) for state in State)],
    ]
    return table(["who reaches", *(f"`{state}`" for state in State)], rows)


def table_of_transitions() -> str:
    rows = [
        [f"`{current}`", f"`{target}`", ", ".join(step.action for step in plan(current, target))]
        for current, target in permutations(State, 2)
    ]
    return table(["from", "to", "steps, in order"], rows)


def table_of_steps() -> str:
    steps = {step.action: step for target in State for step in plan(None, target)}
    rows = [[step.action, step.does, step.check, step.way_back] for step in steps.values()]
    return table(["step", "what happens", "checked before", "way back"], rows)


def test_the_page_says_what_runs_in_each_state() -> None:
    assert table_of_states() in STATES_PAGE.read_text()


def test_the_page_says_who_reaches_what() -> None:
    assert table_of_doors() in STATES_PAGE.read_text()
    # Where one service of the product is guarded, all are.
    for conditions in STATES.values():
        product = set(Service) - {Service.UMAMI}
        assert product <= conditions.guarded or not product & conditions.guarded


def test_the_page_says_what_each_transition_does() -> None:
    assert table_of_transitions() in STATES_PAGE.read_text()


def test_the_page_says_what_each_step_does() -> None:
    assert table_of_steps() in STATES_PAGE.read_text()


def test_the_page_and_the_helps_list_every_exit_code() -> None:
    page = STATES_PAGE.read_text()
    of_state, of_release = str(state_commands.info.help), str(release_version.__doc__)
    for code in ExitCode:
        assert f"| {code.value} | " in page
        assert f" {code.value} " in of_release
        assert (f" {code.value} " in of_state) == (code is not ExitCode.ASTRAY)
