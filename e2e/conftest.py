"""
Browsers against the real system: web, sockets, workers and provider simulator as processes.

`E2E_BASE_URL` names a system that runs already; otherwise one is booted for the run, on free
ports and with a database of its own. Who may log in is read from the JSON that the seed wrote
(`E2E_ACCOUNTS` for a system that runs already). The tests speak to it as people do: through
pages, and through the public API to prepare what they look at.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import APIRequestContext, Browser, BrowserContext, Page, Playwright, expect

from config import preparation
from config.embedded import folders
from config.stack import Stack
from e2e.pages.login import LoginPage
from e2e.pages.ticket import TicketPage

OUTPUT = Path("out/playwright")
SMALL = {
    "QA_SYNTHETIC_USERS": "8",
    "QA_SYNTHETIC_TICKETS": "60",
    "WEB_PROCESSES": "2",  # two, so that a message must cross processes to reach the other socket
    "CELERY_MESSAGES_CONCURRENCY": "1",
}
LOG_TAIL_LINES = 60
_HERE = Path(__file__).parent
_logs: list[Callable[[], str]] = []


def pytest_configure(config: pytest.Config) -> None:
    """Keep the trace and a picture of what failed, unless the command line says otherwise."""
    defaults = {"tracing": "retain-on-failure", "screenshot": "only-on-failure"}
    for option, value in defaults.items():
        if config.getoption(option) == "off":
            setattr(config.option, option, value)
    if config.getoption("output") == "test-results":
        config.option.output = str(OUTPUT)
    expect.set_options(timeout=10_000)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run browsers last: Playwright keeps a loop running, in which Django's ORM refuses to work."""
    items.sort(key=lambda item: _HERE in item.path.parents)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the end of the servers' log to what failed, and keep all of it beside the trace."""
    report = yield
    if report.failed and _HERE in item.path.parents and _logs:
        text = _logs[0]()
        OUTPUT.mkdir(parents=True, exist_ok=True)
        (OUTPUT / "server.log").write_text(text)
        report.sections.append(("servers", "\n".join(text.splitlines()[-LOG_TAIL_LINES:])))
    return report


@dataclass(frozen=True)
class Desk:
    """A running system, and the file that says who may log in."""

    base_url: str
    accounts: Path


@pytest.fixture(scope="session")
def desk() -> Iterator[Desk]:
    """Name the running system, or boot one."""
    running = os.environ.get("E2E_BASE_URL", "").rstrip("/")
    if running:
        of_demo = preparation.accounts_file(folders.RUN / "demo")
        yield Desk(running, Path(os.environ.get("E2E_ACCOUNTS") or of_demo))
        return
    with Stack("e2e", is_seeded=True, env=SMALL) as stack:
        _logs.append(stack.logs)
        yield Desk(stack.base_url, stack.accounts)
        _logs.clear()


@pytest.fixture(scope="session")
def base_url(desk: Desk) -> str:
    return desk.base_url


@pytest.fixture(scope="session")
def login_of(desk: Desk) -> Callable[[str], dict[str, str]]:
    """Return the e-mail and the password of the first account with a role."""
    if not desk.accounts.exists():
        pytest.fail(
            f"{desk.accounts} does not exist: let `manage.py seed_qa --accounts FILE` write who may"
            " log in, and name the file in E2E_ACCOUNTS.",
            pytrace=False,
        )
    accounts = json.loads(desk.accounts.read_text())

    def of_role(role: str) -> dict[str, str]:
        found = next(each for each in accounts if each["role"] == role.upper())
        return {"email": found["email"], "password": found["password"]}

    return of_role


def chromium_path(playwright: Playwright) -> str | None:
    """
    Return the Chromium to start; None means Playwright's own.

    In this order: `E2E_CHROMIUM`, Playwright's own if it was downloaded, one on PATH.
    """
    if named := os.environ.get("E2E_CHROMIUM"):
        return named
    if Path(playwright.chromium.executable_path).exists():
        return None
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.fail(
        "No Chromium: name one in E2E_CHROMIUM, install the package `chromium`, or run"
        " `.venv/bin/playwright install chromium`.",
        pytrace=False,
    )


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], playwright: Playwright
) -> dict[str, Any]:
    options: dict[str, Any] = {**browser_type_launch_args}
    if path := chromium_path(playwright):
        options["executable_path"] = path
    if os.geteuid() == 0:
        options["args"] = ["--no-sandbox"]  # Chromium's own rule for root
    return options


@pytest.fixture(scope="session")
def storage_state(
    browser: Browser, base_url: str, login_of: Callable[[str], dict[str, str]]
) -> Callable[[str], Any]:
    """Return a role's cookies; each role logs in once, through the form."""
    states: dict[str, Any] = {}

    def of_role(role: str) -> Any:
        if role not in states:
            with browser.new_context(base_url=base_url) as context:
                login = LoginPage(context.new_page())
                login.open()
                login.log_in(**login_of(role))
                expect(login.page).to_have_url(f"{base_url}/tickets")
                states[role] = context.storage_state()
        return states[role]

    return of_role


@pytest.fixture
def context_of(
    new_context: Callable[..., BrowserContext], storage_state: Callable[[str], Any]
) -> Callable[[str], BrowserContext]:
    """Return a fresh browser context in which the role is logged in."""
    return lambda role: new_context(storage_state=storage_state(role))


@pytest.fixture
def page_of(context_of: Callable[[str], BrowserContext]) -> Callable[[str], Page]:
    return lambda role: context_of(role).new_page()


@pytest.fixture
def ticket_of(page_of: Callable[[str], Page]) -> Callable[[str, int], TicketPage]:
    """Return the page of a ticket, opened and live, as the role sees it in its own browser."""

    def opened(role: str, ticket_id: int) -> TicketPage:
        view = TicketPage(page_of(role))
        view.open(ticket_id)
        return view

    return opened


@pytest.fixture(scope="session")
def api(
    playwright: Playwright, base_url: str, login_of: Callable[[str], dict[str, str]]
) -> Iterator[APIRequestContext]:
    """Speak to the API as an agent."""
    login = login_of("agent")
    anonymous = playwright.request.new_context(base_url=base_url)
    answer = anonymous.post("/api/v1/auth/login", data=login)
    assert answer.ok, answer.text()
    headers = {"Authorization": f"Bearer {answer.json()['access']}"}
    anonymous.dispose()
    context = playwright.request.new_context(base_url=base_url, extra_http_headers=headers)
    yield context
    context.dispose()


@pytest.fixture
def ticket(api: APIRequestContext) -> dict[str, Any]:
    """Open a ticket of this test's own, in which a customer has said hello."""
    mark = uuid.uuid4().hex[:10]
    answer = api.post(
        "/api/v1/tickets",
        data={
            "subject": f"Parcel {mark}",
            "channel": "whatsapp",
            "contact": {"name": "Nina Customer", "address": f"+55{mark}"},
            "body": f"Hello, where is my parcel {mark}?",
        },
    )
    assert answer.status == 201, answer.text()
    opened: dict[str, Any] = answer.json()
    return opened


@pytest.fixture
def say(api: APIRequestContext, ticket: dict[str, Any]) -> Callable[[str], None]:
    """Return a function that writes in the ticket through the API."""

    def write(text: str) -> None:
        answer = api.post(f"/api/v1/tickets/{ticket['id']}/messages", data={"body": text})
        assert answer.status == 201, answer.text()

    return write
