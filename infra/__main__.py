"""`python -m infra --help`."""

import argparse
import os
import sys
from pathlib import Path

from graasp.deployment.states import State
from infra.environments import ENVIRONMENTS
from infra.node import use_packaged_node

_WRONG_USAGE = 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; its exit code."""
    options = _parser().parse_args(arguments)
    use_packaged_node()
    # Not earlier: importing these starts Node.js.
    from infra.inputs import WrongInput, wanted_state
    from infra.stack import synthesise

    try:
        state = wanted_state(options.state, os.environ)
    except WrongInput as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG_USAGE
    folder = synthesise(ENVIRONMENTS[options.environment], state, options.output)
    sys.stdout.write(f"{folder}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra",
        description="The cloud as code. Exit codes: 0 done; 1 failed; 2 wrong usage or input.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    synth = commands.add_parser(
        "synth",
        help="write an environment out for Terraform, and print the folder to run it in",
        description="Write an environment out as JSON for Terraform (1.11 or later). In every state but `running`, "
        "MAINTENANCE_HEADER_NAME and MAINTENANCE_HEADER_SECRET must be set; they are not written out.",
    )
    synth.add_argument("--environment", required=True, choices=sorted(ENVIRONMENTS))
    synth.add_argument(
        "--state",
        help=f"the state that the environment is made in: {', '.join(State)}; INFRA_STATE when left out, else running",
    )
    synth.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to write into")
    return parser


if __name__ == "__main__":
    sys.exit(main())
