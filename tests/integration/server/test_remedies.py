"""What the command line is told to do when something is wrong fits what was asked."""

from __future__ import annotations

import pytest

from server.auth import service as auth
from server.devices import codes
from server.devices import service as devices
from server.domain.access import Role
from server.errors import InvalidInput, NotFound
from tests.support.village import PASSWORD, Village


def test_revoking_a_box_that_there_is_not_names_those_that_there_are(embedded_village: Village) -> None:
    parts, clock = embedded_village.parts, embedded_village.clock
    with pytest.raises(NotFound) as error, parts.database.write() as session:
        devices.revoke_device(session, clock, "nope")
    assert "device list" in (error.value.remedy or "")
    with pytest.raises(NotFound) as error, parts.database.write() as session:
        codes.create(session, clock, "secret", "nope")
    assert "--place" in (error.value.remedy or "")


@pytest.mark.parametrize("role", [Role.OFFICER, Role.RESIDENT])
def test_an_account_without_its_place_is_told_in_a_sentence(embedded_village: Village, role: Role) -> None:
    told = f"an account with the role {role.value} needs a place"
    with pytest.raises(InvalidInput, match=told), embedded_village.parts.database.write() as session:
        auth.create_user(session, embedded_village.clock, username="x1", password=PASSWORD, role=role, place_id=None)
