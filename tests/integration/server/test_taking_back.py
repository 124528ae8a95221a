"""Merges taken back step by step, and words that are read in the reader's language."""

from __future__ import annotations

from server import i18n
from tests.integration.server.test_incident_handling import act, incident_of, merge, row, unmerge
from tests.support.village import Village, event


def test_merges_are_taken_back_one_after_the_other(village: Village) -> None:
    first = incident_of(village, event(0))
    village.clock.advance(minutes=1)
    second = incident_of(village, event(60, spot="second"))
    village.clock.advance(minutes=1)
    third = incident_of(village, event(120, spot="third"))
    merge(village, second, third)
    merge(village, first, second)
    assert row(village, first).event_count == 3
    assert unmerge(village, first, second).event_count == 2
    assert unmerge(village, second, third).event_count == 1
    assert [row(village, each).event_count for each in (first, second, third)] == [1, 1, 1]
    assert [row(village, each).merged_into_id for each in (first, second, third)] == [None] * 3


def test_a_reason_of_one_tap_is_read_in_the_readers_language(embedded_village: Village) -> None:
    village = embedded_village
    incident_id = incident_of(village, event(0))
    officer = village.browser("officer_a")
    assert 'value="false_alarm.light"' in officer.get(f"/incidents/{incident_id}").text
    act(village, incident_id, "false_alarm", note="false_alarm.light")
    for language in i18n.LOCALES:
        page = officer.get(f"/incidents/{incident_id}?lang={language}").text
        assert f"<blockquote>{i18n.translations(language).gettext('false_alarm.light')}</blockquote>" in page


def test_the_answer_to_a_form_speaks_the_language_of_its_page(embedded_village: Village) -> None:
    admin = embedded_village.browser("admin")
    for language in i18n.LOCALES:
        path = f"/admin/devices?lang={language}"
        token = admin.get(path).text.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
        answer = admin.post(
            "/admin/devices/box-a/code", data={"csrf_token": token}, headers={"Referer": f"http://localhost{path}"}
        )
        assert answer.status_code == 200
        assert f'<html lang="{language}"' in answer.text
    foreign = {"Referer": "http://elsewhere/?lang=en"}
    answer = admin.post("/admin/devices/box-a/code", data={"csrf_token": token}, headers=foreign)
    assert '<html lang="vi"' in answer.text
