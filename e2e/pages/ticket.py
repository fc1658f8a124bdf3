"""One ticket with its conversation."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect


class TicketPage:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.log = page.get_by_role("log", name="Messages")
        self.messages = self.log.locator("li.message")
        self.draft = page.get_by_role("textbox", name="Message")
        self.send_button = page.get_by_role("button", name="Send")
        self.files = page.get_by_role("list", name="Files")
        self.error = page.get_by_role("form", name="Write").get_by_role("alert")
        self.moves = page.get_by_role("form", name="Move ticket").get_by_role("button")
        self.header = page.locator("#ticket-head")
        self.line = page.locator("[data-ws-state]")

    def open(self, ticket_id: int) -> None:
        """Open the ticket and wait until its socket speaks."""
        self.page.goto(f"/tickets/{ticket_id}")
        self.expect_line("online")

    def expect_line(self, state: str) -> None:
        expect(self.line).to_have_attribute("data-ws-state", state, timeout=20_000)

    def send(self, text: str, *, kind: str = "Reply") -> None:
        self.page.get_by_role("radio", name=kind).check()
        self.draft.fill(text)
        self.draft.press("Enter")

    def choose(self, *files: Any) -> None:
        """Choose files, each as Playwright's `name`, `mimeType` and `buffer`."""
        with self.page.expect_file_chooser() as choosing:
            self.page.get_by_role("button", name="Attach").click()
        choosing.value.set_files(list(files))

    def attach(self, *files: Any) -> None:
        """Choose files and wait until the server has answered for each."""
        self.choose(*files)
        expect(self.send_button).to_be_enabled()

    def message(self, text: str) -> Locator:
        return self.messages.filter(has_text=text)

    def expect_status(self, text: str, status: str) -> None:
        expect(self.message(text)).to_have_attribute("data-status", status, timeout=15_000)
