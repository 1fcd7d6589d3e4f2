"""`python -m worker`: a pool of work processes and the upkeep of all jobs."""

from graasp.cli import run
from graasp.quick_imports import quick_imports

if __name__ == "__main__":
    with quick_imports():
        from worker.commands import app
    run(app, "graasp worker")
