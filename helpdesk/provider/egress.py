"""
Calls to addresses that users chose: never into our own network.

A name is resolved once, every address it has is judged, and the connection goes to the very
address that was judged, so a name that answers differently a moment later (DNS rebinding) wins
nothing. Certificates and `Host` still speak of the name. No redirect is followed, no proxy of the
environment is asked.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import httpcore
import httpx
from django.conf import settings

from helpdesk.errors import HelpdeskError
from helpdesk.provider.deadline import DeadlineBackend, DeadlineTransport, seconds_left, within

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address
type Resolver = Callable[[str, int], list[Address]]

PORTS: Final = frozenset({443, 8443})
MAX_URL_CHARS: Final = 500
_MAX_BODY_BYTES: Final = 64 * 1024
_MAX_TRIED: Final = 3
_JUDGING_SECONDS: Final = 2.0
_DRAINING_SECONDS: Final = 1.0
_HTTPS_PORT, _MAX_PORT = 443, 65_535
# What `is_global` lets through although it leads home, or to nobody in particular.
_TRAPS: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/4",  # multicast
        "2001::/23",  # Teredo and other protocol assignments
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 carries an IPv4 address
        "3fff::/20",  # documentation
    )
)
# Global unicast; NAT64, mapped, unique local, link-local and multicast addresses are outside.
_GLOBAL_V6: Final = ipaddress.ip_network("2000::/3")


class ForbiddenUrl(HelpdeskError):
    """The URL leads, or may lead, where no webhook goes."""

    code = "forbidden_url"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, fields={"url": [detail]})


class NameNotFound(ForbiddenUrl):
    """The host has no address at the moment."""


class NoAnswer(Exception):
    """The call ended without an HTTP status."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said; its body is nobody's business."""

    status: int
    retry_after: str


def is_public(address: Address) -> bool:
    """Tell whether `address` is one host of the public internet."""
    if not address.is_global or any(address in trap for trap in _TRAPS):
        return False
    return address.version == 4 or address in _GLOBAL_V6  # noqa: PLR2004 - the IP version


def resolve(host: str, port: int) -> list[Address]:
    """
    Return every address of `host`, waiting no longer than the current deadline.

    The system's resolver knows no deadline, so it is asked in a thread that may be left behind.

    :raises NameNotFound: if there is none
    """
    asked: Future[list[Address]] = Future()
    threading.Thread(target=_look_up, args=(host, port, asked), daemon=True).start()
    try:
        return asked.result(timeout=min(seconds_left(), 60.0))
    except (OSError, UnicodeError, ValueError) as error:  # TimeoutError is an OSError
        raise NameNotFound(f"The host {host!r} could not be resolved.") from error


def _look_up(host: str, port: int, asked: Future[list[Address]]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        asked.set_result(list(dict.fromkeys(ipaddress.ip_address(info[4][0]) for info in found)))
    except Exception as error:  # noqa: BLE001 - whatever it was, the asking thread raises it
        asked.set_exception(error)


class Egress:
    """
    The way out.

    `may_reach_loopback` opens this machine's own addresses, over http too, for development.
    """

    def __init__(self, *, may_reach_loopback: bool, resolver: Resolver = resolve) -> None:
        self._may_reach_loopback = may_reach_loopback
        self._resolver = resolver

    def check(self, url: str) -> None:
        """
        Refuse a URL that no call would be made to; one whose host has no address yet passes.

        :raises ForbiddenUrl: saying why
        """
        parsed = self._parse(url)
        is_plain, port = parsed.scheme == "http", parsed.port or _HTTPS_PORT
        with within(_JUDGING_SECONDS):
            try:
                self.judged(parsed.raw_host.decode(), port, is_plain=is_plain)
            except NameNotFound:
                _refuse_way(port, is_plain=is_plain)

    def post(
        self, url: str, *, content: bytes, headers: dict[str, str], deadline_seconds: float
    ) -> Answer:
        """
        Post `content`; the deadline bounds everything from the look-up to the answer.

        :raises ForbiddenUrl: if the URL leads, by now, where no call is made to
        :raises NoAnswer: if no status arrived
        """
        parsed = self._parse(url)
        backend = _JudgingBackend(self, is_plain=parsed.scheme == "http")
        transport = DeadlineTransport(max_connections=1, network_backend=backend)
        with (
            within(deadline_seconds),
            httpx.Client(transport=transport, timeout=deadline_seconds, trust_env=False) as client,
        ):
            try:
                with client.stream("POST", parsed, content=content, headers=headers) as response:
                    _drain(response)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise NoAnswer(f"No answer: {error!r}.") from error
        return Answer(response.status_code, response.headers.get("retry-after", ""))

    def judged(self, host: str, port: int, *, is_plain: bool) -> list[Address]:
        """
        Return the addresses of `host` if a call may go to every one of them.

        :raises ForbiddenUrl: if it may not, or if there is none
        """
        addresses = self._resolver(host, port)
        if not addresses:
            raise NameNotFound(f"The host {host!r} has no address.")
        if self._may_reach_loopback and all(address.is_loopback for address in addresses):
            return addresses
        _refuse_way(port, is_plain=is_plain)
        if not all(map(is_public, addresses)):
            raise ForbiddenUrl("The host is not on the public internet.")
        return addresses

    def _parse(self, url: str) -> httpx.URL:
        """Return the URL as the client that calls it reads it, not as another parser might."""
        if len(url) > MAX_URL_CHARS or not url.isprintable() or " " in url or "\\" in url:
            raise ForbiddenUrl("This is not a URL that can be called.")
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise ForbiddenUrl("This is not a URL that can be called.") from error
        schemes = ("https", "http") if self._may_reach_loopback else ("https",)
        if parsed.scheme not in schemes:
            raise ForbiddenUrl(f"Webhooks go over {' or '.join(schemes)}.")
        if not parsed.raw_host or parsed.userinfo:
            raise ForbiddenUrl("A webhook URL needs a host, and names no user or password.")
        if parsed.port is not None and not 0 < parsed.port <= _MAX_PORT:
            raise ForbiddenUrl("This is no port.")
        return parsed


def _refuse_way(port: int, *, is_plain: bool) -> None:
    if is_plain:
        raise ForbiddenUrl("Webhooks go over https.")
    if port not in PORTS:
        raise ForbiddenUrl(f"Webhooks go to port {' or '.join(map(str, sorted(PORTS)))}.")


class _JudgingBackend(DeadlineBackend):
    """Connects to addresses that were judged; the name is looked up here and nowhere else."""

    def __init__(self, egress: Egress, *, is_plain: bool) -> None:
        super().__init__()
        self._egress = egress
        self._is_plain = is_plain

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        *others, last = self._egress.judged(host, port, is_plain=self._is_plain)[:_MAX_TRIED]
        for address in others:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                patience = seconds_left() / (_MAX_TRIED + 1)
                return super().connect_tcp(
                    str(address), port, patience, local_address, socket_options
                )
        return super().connect_tcp(str(last), port, timeout, local_address, socket_options)


def _drain(response: httpx.Response) -> None:
    """Read a little of the body, so that the receiver sees no broken pipe; its end is no news."""
    size = 0
    with within(min(_DRAINING_SECONDS, seconds_left())), suppress(httpx.HTTPError):
        for chunk in response.iter_raw():
            size += len(chunk)
            if size > _MAX_BODY_BYTES:
                return


def get_egress() -> Egress:
    """Return the way out that the settings open."""
    return Egress(may_reach_loopback=settings.HELPDESK["WEBHOOKS_MAY_REACH_LOOPBACK"])
