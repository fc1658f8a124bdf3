"""The list of tickets."""

from __future__ import annotations

from playwright.sync_api import Locator, Page


class TicketsPage:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.rows = page.get_by_role("list", name="Tickets").get_by_role("listitem")
        self.links = self.rows.get_by_role("link").filter(has_text="#")
        self.search = page.get_by_role("searchbox", name="Search subject or number")
        self.older = page.get_by_role("link", name="Older tickets")
        self.news = page.get_by_role("button", name="New activity")
        self.nothing = page.get_by_role("heading", name="No ticket matches these filters")

    def open(self) -> None:
        self.page.goto("/tickets")

    def show_status(self, name: str) -> None:
        self.page.get_by_role("radio", name=name).check()

    def show_assignee(self, label: str) -> None:
        self.page.get_by_label("Assignee").select_option(label=label)

    def row(self, subject: str) -> Locator:
        return self.rows.filter(has_text=subject)
