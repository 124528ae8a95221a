"""Boxes ask the stream process what is wished of them: held in hundreds, answered at once, let go at the end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import update

from contract.device_api import LookWishes
from edge.clock import SystemClock as EdgeClock
from edge.look.messages import Glance, Purpose
from edge.look.relay import LookListener
from edge.outbox import ServerLink
from edge.outbox.link import DeviceRefused
from server.clock import SystemClock
from server.db.models import Device
from server.look import service
from tests.support.identity import SignedAuth, make_identity
from tests.support.processes import ServerProcess, server_process
from tests.support.village import Village, event

HELD = 150
CAMERA = "cam-village-a"


@pytest.fixture
def streaming(village: Village) -> Iterator[ServerProcess]:
    village.post([event()])
    with server_process(village, "stream", "--port", "0") as made:
        yield made


def begin(village: Village) -> None:
    with village.parts.database.write() as session:
        service.begin(session, SystemClock(), village.principal("officer_a"), CAMERA)


def ask(village: Village, url: str, seen: str = "0", device: str = "box-a") -> httpx.Response:
    return httpx.get(f"{url}/api/v1/look", params={"seen": seen}, auth=village.auth(device), timeout=60)


def test_a_box_learns_at_once_that_somebody_looks(village: Village, streaming: ServerProcess) -> None:
    told: list[Glance] = []
    identity = make_identity("box-a", server=village.parts.server_key)
    with ServerLink(streaming.url, identity) as link:
        listener = LookListener(link, EdgeClock(), ask=told.append, want_still=lambda _camera: None)
        assert listener.step() == 0.0  # asked for the first time: answered at once
        threading.Timer(0.5, begin, [village]).start()
        assert listener.step() == 0.0  # held until then; what the server signed was checked
    [glance] = told
    assert (glance.camera_id, glance.purpose) == (CAMERA, Purpose.LOOK)
    assert 50 < glance.for_s <= 60
    assert ask(village, streaming.url, device="box-b", seen="").json()["looks"] == []


def test_threat_43_the_stream_process_tells_only_the_box_itself(village: Village, streaming: ServerProcess) -> None:
    begin(village)
    assert httpx.get(f"{streaming.url}/api/v1/look").status_code == 401
    wrong = SignedAuth(make_identity("box-z"))
    assert httpx.get(f"{streaming.url}/api/v1/look", auth=wrong).status_code == 401
    assert ask(village, streaming.url).json()["looks"][0]["camera_id"] == CAMERA
    with village.parts.database.write() as session:
        session.execute(update(Device).where(Device.id == "box-a").values(revoked_at=SystemClock().utc()))
    assert ask(village, streaming.url).status_code == 401
    identity = make_identity("box-a", server=village.parts.server_key)
    with ServerLink(streaming.url, identity) as link, pytest.raises(DeviceRefused):
        LookListener(link, EdgeClock(), ask=lambda _glance: None, want_still=lambda _camera: None).step()


def test_a_box_whose_clock_is_off_is_told_the_time(village: Village, streaming: ServerProcess) -> None:
    identity = make_identity("box-a", server=village.parts.server_key)
    with ServerLink(streaming.url, identity, now=village.clock.utc) as link:  # months behind
        assert LookListener(link, EdgeClock(), ask=lambda _g: None, want_still=lambda _c: None).step() == 0.0


def test_hundreds_of_questions_are_held_and_all_are_answered(village: Village, streaming: ServerProcess) -> None:
    async def ask_until_told(client: httpx.AsyncClient) -> str:
        while True:  # as a box does: a machine that is slow to connect all of them ends the first ones' wait
            answer = await client.get("/api/v1/look?seen=0", auth=village.auth("box-a"))
            assert answer.status_code == 200
            if looks := LookWishes.model_validate_json(answer.content).looks:
                return looks[0].camera_id

    async def ask_all() -> list[str]:
        limits = httpx.Limits(max_connections=HELD, max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=streaming.url, timeout=120, limits=limits) as client:
            questions = [asyncio.create_task(ask_until_told(client)) for _ in range(HELD)]
            async with asyncio.timeout(120):
                while True:
                    if await asyncio.to_thread(connections, streaming) >= HELD:
                        break
                    await asyncio.sleep(0.05)
            await asyncio.to_thread(begin, village)
            return list(await asyncio.gather(*questions))

    with ThreadPoolExecutor(1) as thread:  # a browser of other tests may have its own loop in this one
        assert thread.submit(lambda: asyncio.run(ask_all())).result() == [CAMERA] * HELD


def connections(process: ServerProcess) -> int:
    """Sockets that the process has open: one of them listens."""
    import psutil

    return len(psutil.Process(process.child.pid).net_connections("tcp")) - 1


def test_threat_15_held_questions_do_not_keep_a_process_that_is_told_to_stop(
    village: Village, streaming: ServerProcess
) -> None:
    with contextlib.ExitStack() as stack:
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(ask(village, streaming.url)), daemon=True)
        asking.start()
        deadline = time.monotonic() + 30
        while connections(streaming) < 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)
        streaming.child.send_signal(signal.SIGTERM)
        stack.callback(asking.join, 30)
        assert streaming.child.wait(30) == 0
        asking.join(30)
    [answer] = answers
    assert answer.json()["ask_again_s"] > 0
