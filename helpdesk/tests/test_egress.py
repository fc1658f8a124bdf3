"""Where webhooks may go, judged by the address that is connected to and not by its spelling."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time

import httpcore
import pytest

from helpdesk.provider import egress as module
from helpdesk.provider.deadline import DeadlineBackend
from helpdesk.provider.egress import Egress, ForbiddenUrl, NoAnswer
from helpdesk.tests.receiver import receiving
from helpdesk.tests.scripted_provider import answer, drip_body, drip_headers

PUBLIC = "93.184.215.14"
TRAPS = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://192.0.0.9/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:93.184.215.14]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[100::1]/",
    "https://[5f00::1]/",
]
NO_ADDRESSES = [
    "",
    "hook",
    "//93.184.215.14/",
    "https://",
    "https:///hook",
    "http://93.184.215.14/",
    "ftp://93.184.215.14/",
    "file:///etc/passwd",
    "gopher://93.184.215.14/",
    "javascript:alert(1)",
    "https://user@93.184.215.14/",
    "https://user:pass@93.184.215.14/",
    "https://93.184.215.14:22/",
    "https://93.184.215.14:80/",
    "https://93.184.215.14:6379/",
    "https://93.184.215.14:0/",
    "https://93.184.215.14:99999/",
    "https://93.184.215.14:x/",
    "https://93.184.215.14\\@127.0.0.1/",
    "https://93.184.215.14 /",
    "https://93.184.215.14/\r\nhost: x",
    "https://[::1/",
    "https://example.com/" + "a" * 500,
]


def addresses(*values):
    return [ipaddress.ip_address(value) for value in values]


def knowing(**names):
    """Return a resolver that knows `names`, where underscores stand for dots, and literals."""
    table = {name.replace("_", "."): addresses(*found) for name, found in names.items()}
    return lambda host, _port: table.get(host) or addresses(host)


@pytest.fixture
def production():
    return Egress(may_reach_loopback=False)


@pytest.fixture
def connects(monkeypatch):
    """Note where connections would go, and refuse them."""
    tried = []

    def connect(_self, host, port, *_args):
        tried.append((host, port))
        raise httpcore.ConnectError("nobody there")

    monkeypatch.setattr(DeadlineBackend, "connect_tcp", connect)
    return tried


def post(egress, url, seconds=3.0):
    return egress.post(url, content=b"{}", headers={}, deadline_seconds=seconds)


@pytest.mark.parametrize("url", TRAPS)
def test_an_address_that_leads_home_is_refused_before_and_at_the_call(production, connects, url):
    with pytest.raises(ForbiddenUrl) as at_creation:
        production.check(url)
    with pytest.raises(ForbiddenUrl):
        post(production, url)

    assert list(at_creation.value.fields or ()) == ["url"]
    assert connects == []


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_webhook_url_is_refused_before_and_at_the_call(production, connects, url):
    with pytest.raises(ForbiddenUrl):
        production.check(url)
    with pytest.raises(ForbiddenUrl):
        post(production, url)

    assert connects == []


@pytest.mark.parametrize(
    "url",
    [
        f"https://{PUBLIC}/hook",
        f"https://{PUBLIC}:443/",
        f"https://{PUBLIC}:8443/?a=b",
        "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
        "https://no-such-name.invalid/",  # a name may get its address later; the call judges it
    ],
)
def test_a_public_https_url_passes(production, url):
    assert production.check(url) is None


def test_one_bad_address_among_good_ones_is_enough(connects):
    egress = Egress(may_reach_loopback=False, resolver=knowing(mixed_test=[PUBLIC, "10.0.0.1"]))

    with pytest.raises(ForbiddenUrl, match="public internet"):
        post(egress, "https://mixed.test/")
    assert connects == []


def test_the_connection_goes_to_the_address_that_was_judged(connects):
    egress = Egress(may_reach_loopback=False, resolver=knowing(hooks_test=[PUBLIC]))

    with pytest.raises(NoAnswer):
        post(egress, "https://hooks.test/")

    assert connects == [(PUBLIC, 443)]


def test_a_name_that_changes_its_address_wins_nothing(connects, monkeypatch):
    """DNS rebinding: whatever later look-ups say, none is made."""
    answers = iter([addresses(PUBLIC), addresses(PUBLIC)])
    asked = []

    def rebinding(host, _port):
        asked.append(host)
        return next(answers, addresses("127.0.0.1"))

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: pytest.fail("asked again"))
    egress = Egress(may_reach_loopback=False, resolver=rebinding)
    egress.check("https://rebind.test/")

    with pytest.raises(NoAnswer):
        post(egress, "https://rebind.test/")
    assert connects == [(PUBLIC, 443)]
    assert asked == ["rebind.test"] * 2

    with pytest.raises(ForbiddenUrl):
        post(egress, "https://rebind.test/")
    assert connects == [(PUBLIC, 443)]


def test_a_second_address_is_tried_when_the_first_is_dead():
    dead_then_alive = knowing(two_test=["127.0.0.2", "127.0.0.1"])
    egress = Egress(may_reach_loopback=True, resolver=dead_then_alive)
    with receiving() as receiver:
        url = receiver.url.replace("127.0.0.1", "two.test")

        assert post(egress, url).status == 204
        assert receiver.got[0].headers["host"] == url.split("/")[2]


def test_a_redirect_into_our_network_is_not_followed():
    egress = Egress(may_reach_loopback=True)
    with receiving() as inside, receiving() as receiver:
        receiver.script.append(answer(302, b"", location=inside.url))

        assert post(egress, receiver.url).status == 302
        assert inside.got == []


def test_no_proxy_of_the_environment_is_asked(monkeypatch):
    with receiving() as proxy, receiving() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)

        assert post(Egress(may_reach_loopback=True), receiver.url).status == 204
        assert proxy.got == []


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://0.0.0.0:9/", "https://10.0.0.1/", f"http://{PUBLIC}/"]
)
def test_loopback_is_all_that_development_opens(url):
    with pytest.raises(ForbiddenUrl):
        Egress(may_reach_loopback=True).check(url)


def test_plain_http_to_a_name_without_an_address_is_refused():
    with pytest.raises(ForbiddenUrl, match="https"):
        Egress(may_reach_loopback=True).check("http://no-such-name.invalid/")


def test_a_receiver_that_drips_its_headers_ends_at_the_deadline():
    with receiving() as receiver:
        receiver.script.append(drip_headers)
        began = time.monotonic()

        with pytest.raises(NoAnswer):
            post(Egress(may_reach_loopback=True), receiver.url, seconds=0.5)

        assert time.monotonic() - began < 1.5


def test_a_status_counts_although_its_body_drips_or_never_ends():
    with receiving() as receiver:
        receiver.script.extend([drip_body, answer(200, b"x" * 5_000_000)])
        egress, began = Egress(may_reach_loopback=True), time.monotonic()

        assert post(egress, receiver.url).status == 202
        assert time.monotonic() - began < 2.5
        assert post(egress, receiver.url).status == 200


def test_a_resolver_that_hangs_ends_at_the_deadline(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: release.wait(5) and [])
    began = time.monotonic()

    with pytest.raises(ForbiddenUrl, match="could not be resolved"):
        post(Egress(may_reach_loopback=False), "https://slow.test/", seconds=0.3)

    assert time.monotonic() - began < 1.5
    release.set()


def test_certificates_are_checked_against_the_name(monkeypatch):
    """The address is pinned, but TLS asks for the host's name and would refuse another."""
    asked = []

    class Plain(httpcore.NetworkStream):
        def start_tls(self, ssl_context, server_hostname=None, timeout=None):
            asked.append((server_hostname, ssl_context.check_hostname, ssl_context.verify_mode))
            raise httpcore.ConnectError("enough")

        def close(self):
            """Nothing is open."""

    monkeypatch.setattr(DeadlineBackend, "connect_tcp", lambda *_a, **_k: Plain())
    egress = Egress(may_reach_loopback=False, resolver=knowing(hooks_test=[PUBLIC]))

    with pytest.raises(NoAnswer):
        post(egress, "https://hooks.test/")

    assert asked == [("hooks.test", True, ssl.CERT_REQUIRED)]


def test_the_list_of_traps_needs_more_than_is_global():
    """Shows why the judge has lists of its own: the standard library passes some of these."""
    fooled = [
        trap
        for trap in ("224.0.0.1", "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::", "192.88.99.1")
        if ipaddress.ip_address(trap).is_global
    ]

    assert fooled
    assert not any(module.is_public(ipaddress.ip_address(trap)) for trap in fooled)
