"""The comparison of events with labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.config_loader import load_config_dir
from tests.replay.scoring import CONFIG_DIR, LABELS_DIR, Span, compare, load_labels, spans_of, unjudged


def _span(start_s: float, end_s: float, *, kind: str = "intrusion", zone: str = "yard", optional: bool = False) -> Span:
    return Span(kind, zone, start_s, end_s, optional=optional)


def test_an_event_matches_a_label_of_its_kind_and_zone_in_its_time() -> None:
    score = compare([_span(10, 20)], [_span(12, 30)])
    assert (score.precision, score.recall) == (1.0, 1.0)


@pytest.mark.parametrize("event", [_span(21, 30), _span(12, 15, zone="lane"), _span(12, 15, kind="crowding")])
def test_another_time_zone_or_kind_is_a_false_alert_and_a_miss(event: Span) -> None:
    score = compare([_span(10, 20)], [event])
    assert (score.precision, score.recall) == (0.0, 0.0)


def test_a_second_event_on_the_same_label_is_a_false_alert() -> None:
    score = compare([_span(10, 20)], [_span(10, 12), _span(14, 20)])
    assert (score.precision, score.recall) == (0.5, 1.0)
    assert score.matched[0][1].start_s == 14


def test_two_vehicles_at_once_need_two_events() -> None:
    score = compare([_span(0, 2), _span(0, 2)], [_span(0, 2)])
    assert (score.precision, score.recall) == (1.0, 0.5)


def test_an_optional_label_counts_for_nothing() -> None:
    label = _span(10, 20, optional=True)
    assert (compare([label], []).recall, compare([label], [_span(11, 12)]).precision) == (None, None)
    assert compare([label], [_span(11, 12), _span(13, 20)]).precision == 0.0


def test_revisions_of_an_event_make_one_span() -> None:
    common = {"event_id": "a", "kind": "intrusion", "zone": "yard", "started_at": "2026-01-05T03:00:10Z", "facts": {}}
    start = {**common, "state": "start", "observed_at": "2026-01-05T03:00:12Z", "ended_at": None}
    end = {**common, "state": "end", "observed_at": "2026-01-05T03:00:20Z", "ended_at": "2026-01-05T03:00:20Z"}
    assert spans_of([start, end]) == [Span("intrusion", "yard", 10.0, 20.0, raised_s=12.0)]


def test_a_label_without_a_rule_is_not_judged() -> None:
    labels = [_span(1, 2), _span(1, 2, kind="loitering")]
    assert unjudged(labels, {"intrusion", "crowding"}) == labels[1:]


@pytest.mark.parametrize("path", sorted(LABELS_DIR.glob("*.yaml")), ids=lambda path: path.stem)
def test_labels_name_zones_that_their_camera_has(path: Path) -> None:
    labelled, config = load_labels(path), load_config_dir(CONFIG_DIR)
    zones = config.cameras[labelled.camera].config.zones
    assert {span.zone for span in labelled.events} <= {None, *zones}
    assert all(span.start_s < span.end_s for span in labelled.events)
