"""A server for a whole province: its places come from one site.yaml, as anybody's."""

from __future__ import annotations

from server.places import service as places
from server.places.service import PlaceTree
from tests.support.village import SITE, Village, event
from tests.unit.contract.test_config_loader import province


def test_the_places_of_a_province_are_synchronised_and_its_villages_post(village: Village) -> None:
    text = province(150, 2000).replace("site: {name: Tỉnh}\nplaces:\n", SITE)
    for _ in range(2):  # again changes nothing
        with village.parts.database.write() as session:
            places.sync(session, village.clock, text, "site.yaml")
    with village.parts.database.read() as session:
        tree = PlaceTree.read(session)
        assert tree.path("ap-1999") == ("tinh", "xa-49", "ap-1999")
        assert len(tree.villages_in("tinh")) == 2000
        assert tree.is_village("village-a")
        site = places.site_config(session)
        assert site is not None
        assert len(site.places) == 2151 + 4
    result = village.post([event()]).get_json()["results"][0]
    assert result["status"] == "created"
