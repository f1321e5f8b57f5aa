"""One network cannot shut the subscribe form for everybody."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import httpx
from doors import CONSENT, door_app, fields, requests_of
from stage import PLAIN_COURSE, Stage, set_up

from drip.engine.subscribe import Offer
from drip.track.network import network_key
from drip.web.serve import running

OFFER = Offer(courses=("course",), consent={"en": CONSENT}, most_per_hour=30)


def told(stage: Stage, client: httpx.Client, number: int, network: str) -> int:
    """What somebody else at an address of this network is told who asks by the form."""
    form = fields(client.get("/subscribe/course"))
    stage.clock.turn(seconds=3)
    said = {**form, "email": f"n{number}@customer.example", "first_name": "", "topic": ""}
    asked_by = {"X-Forwarded-For": network.format(number)} if network else {}
    return client.post("/subscribe/course", data=said, headers=asked_by).status_code


def test_a_network_has_a_tenth_and_the_others_the_rest(tmp_path: Path) -> None:
    """Beyond it that network is told to come later, and nothing is written; an hour later it may again."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    app = door_app(stage, OFFER, network_key=network_key("k"), proxies=[ip_network("127.0.0.1/32")])
    with running(app) as url, httpx.Client(base_url=url, timeout=60) as client:
        flood = [told(stage, client, number, "93.184.216.{}") for number in range(6)]
        assert (flood, len(requests_of(stage))) == ([200] * 3 + [503] * 3, 3)
        assert told(stage, client, 7, "8.8.8.{}") == 200
        stage.clock.turn(hours=1)
        assert told(stage, client, 8, "93.184.216.{}") == 200


def test_where_networks_cannot_be_told_apart_none_has_a_share(tmp_path: Path) -> None:
    """Behind a proxy that the settings do not name all look alike: only the limit for all together holds."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    app = door_app(stage, OFFER, network_key=network_key("k"))
    with running(app) as url, httpx.Client(base_url=url, timeout=60) as client:
        assert [told(stage, client, number, "93.184.216.{}") for number in range(5)] == [200] * 5
