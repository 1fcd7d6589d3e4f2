"""The dashboard for Grafana shows what the product exports, and all of it."""

import json
import re
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from graasp.platform import Platform
from graasp.telemetry import metrics
from graasp.telemetry.metrics import metrics_text
from tests.worker.sample_jobs import SHORT_NOTE, Note
from tests.worker.workers import enqueue

DASHBOARD: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "docs" / "operations" / "dashboard.json").read_text()
)
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


async def _exported(platform: Platform) -> dict[str, set[str]]:
    """The labels of each of our series, as they are scraped when everything has happened once."""
    metrics.observe_request("GET", "/api/items/{id}", 200, 0.1)
    metrics.observe_job("copy-items", "succeeded", 0.1, 0.1)
    metrics.count_dead_process("copy-items")
    metrics.count_lost_messages(1)
    await enqueue(platform, SHORT_NOTE, Note(file=Path("note")))
    text = (await metrics_text(platform.database)).decode()
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("graasp_") and not sample.name.endswith("_created")
    }


def _series(expression: str) -> set[str]:
    return set(re.findall(r"\bgraasp_\w+", expression))


async def test_every_series_that_it_names_is_exported(platform: Platform) -> None:
    exported = await _exported(platform)
    named = {name for expression in EXPRESSIONS for name in _series(expression)}
    assert named <= exported.keys()


async def test_every_metric_is_shown(platform: Platform) -> None:
    shown = " ".join(EXPRESSIONS)
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in await _exported(platform)}
    assert [name for name in families if name not in shown] == []


async def test_what_it_groups_and_filters_by_are_labels(platform: Platform) -> None:
    exported = await _exported(platform)
    for expression in EXPRESSIONS:
        labels = set().union(*(exported[name] for name in _series(expression)))
        grouped = {
            label for found in re.findall(r"by \(([^)]*)\)", expression) for label in found.split(", ")
        }
        filtered = set(re.findall(r"[{,](\w+)=~?\"", expression))
        assert grouped | filtered <= labels, expression


def test_panels_do_not_overlap_and_legends_name_what_is_grouped_by() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            grouped = " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))
            assert all(label in grouped for label in re.findall(r"{{(\w+)}}", target["legendFormat"]))
