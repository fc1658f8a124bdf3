"""Sockets that are dropped or fall silent."""

import asyncio
import threading
from typing import Any

import pytest

from chaos import kernel
from chaos.kernel import ActiveFault
from chaos.points.websocket import DROPPED, SocketFaults


class Client:
    """One end of a socket to an application that echoes; what it was sent is in `seen`."""

    def __init__(self, path="/ws/room"):
        self.scope = {"type": "websocket", "path": path}
        self.seen: asyncio.Queue[Any] = asyncio.Queue()
        self._incoming: asyncio.Queue[Any] = asyncio.Queue()
        self._task: Any = None

    async def __aenter__(self):
        application = SocketFaults(echo)
        self._task = asyncio.ensure_future(
            application(self.scope, self._incoming.get, self.seen.put)
        )
        self._incoming.put_nowait({"type": "websocket.connect"})
        assert (await self.next())["type"] == "websocket.accept"
        return self

    async def __aexit__(self, *_error):
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self._task, 30)

    async def next(self):
        return await asyncio.wait_for(self.seen.get(), 30)

    def say(self, text):
        self._incoming.put_nowait({"type": "websocket.receive", "text": text})


async def echo(_scope, receive, send):
    while (message := await receive())["type"] != "websocket.disconnect":
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "websocket.send", "text": message["text"]})


def fault(mode, **metadata):
    return ActiveFault(f"{mode}-{metadata}", "websocket", mode, metadata=metadata)


def arm_in_thread(*faults):
    """Arm as the control thread does: not in the loop's thread."""
    thread = threading.Thread(target=kernel.arm, args=[faults])
    thread.start()
    thread.join()


@pytest.fixture
def counted():
    """The faults that were counted as injected."""
    seen: list[ActiveFault] = []
    kernel.on_injected.append(seen.append)
    yield seen
    kernel.on_injected.remove(seen.append)


def test_idle_socket_is_dropped_at_once(counted):
    async def use():
        async with Client() as one, Client() as other:
            arm_in_thread(fault("drop"))
            return await one.next(), await other.next()

    closed = {"type": "websocket.close", "code": DROPPED}
    assert asyncio.run(use()) == (closed, closed)
    assert len(counted) == 2


def test_socket_that_opens_later_is_dropped_at_its_next_frame():
    async def use():
        arm_in_thread(fault("drop"))
        async with Client() as client:
            client.say("lost")
            client.say("lost as well")
            closed = await client.next()
            arm_in_thread()
            return closed, client.seen.empty()

    assert asyncio.run(use()) == ({"type": "websocket.close", "code": DROPPED}, True)


def test_mute_loses_frames_and_keeps_the_socket():
    async def use():
        async with Client() as client:
            arm_in_thread(fault("mute", firstN=1))
            client.say("lost")
            await asyncio.sleep(0.1)
            arm_in_thread()
            client.say("heard")
            return (await client.next())["text"]

    assert asyncio.run(use()) == "heard"


@pytest.mark.parametrize("metadata", [{"percent": 0}, {"route": "/ws/elsewhere"}])
def test_fault_that_does_not_fit_does_nothing(metadata, counted):
    async def use():
        async with Client() as client:
            arm_in_thread(fault("drop", **metadata), fault("mute", **metadata))
            client.say("heard")
            return (await client.next())["text"]

    assert asyncio.run(use()) == "heard"
    assert counted == []


def test_what_is_no_socket_passes():
    seen: list[str] = []

    async def http(scope, _receive, _send):
        seen.append(scope["type"])

    nothing: Any = None
    asyncio.run(SocketFaults(http)({"type": "http"}, nothing, nothing))
    assert seen == ["http"]


def test_socket_whose_loop_is_gone_is_left_alone(counted):
    clients = []

    async def open_and_vanish():
        client = Client()
        await client.__aenter__()
        clients.append(client)

    asyncio.run(open_and_vanish())
    arm_in_thread(fault("drop"))
    assert counted == []
