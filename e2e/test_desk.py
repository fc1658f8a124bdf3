"""Getting in, finding a ticket, and what a viewer may not do."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from e2e.pages.login import LoginPage
from e2e.pages.ticket import TicketPage
from e2e.pages.tickets import TicketsPage

PAGE_ROWS = 25


def test_login_leads_back_to_where_one_wanted_to_go(page, ticket, login_of):
    page.goto(f"/tickets/{ticket['id']}")
    expect(page).to_have_url(re.compile(r"/login\?next=/tickets/\d+$"))
    LoginPage(page).log_in(**login_of("agent"))
    expect(page).to_have_url(re.compile(rf"/tickets/{ticket['id']}$"))
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.goto("/tickets")
    expect(page).to_have_url(re.compile(r"/login\?next=/tickets$"))


def test_a_wrong_password_is_refused_in_words(page):
    login = LoginPage(page)
    login.open()
    login.log_in("nobody@demo.test", "not-the-password")
    expect(login.error).to_have_text("Wrong e-mail or password.")
    expect(login.email).to_have_value("nobody@demo.test")


def test_the_list_pages_without_repeating_or_leaving_out(page_of):
    tickets = TicketsPage(page_of("agent"))
    tickets.open()
    expect(tickets.links).to_have_count(PAGE_ROWS)
    tickets.older.click()
    expect(tickets.links).to_have_count(2 * PAGE_ROWS)
    numbers = tickets.links.locator(".number").all_inner_texts()
    assert len(set(numbers)) == 2 * PAGE_ROWS


def test_filters_change_the_list_and_the_address(page_of, ticket):
    tickets = TicketsPage(page_of("agent"))
    tickets.open()
    tickets.search.fill(ticket["subject"])
    expect(tickets.links).to_have_count(1)
    expect(tickets.row(ticket["subject"])).to_contain_text("Open")
    expect(tickets.page).to_have_url(re.compile(r"/tickets\?q=Parcel"))
    tickets.show_status("Closed")
    expect(tickets.nothing).to_be_visible()
    tickets.show_status("Open")
    tickets.show_assignee("Unassigned")
    expect(tickets.links).to_have_count(1)
    tickets.page.reload()
    expect(tickets.links).to_have_count(1)
    expect(tickets.search).to_have_value(ticket["subject"])


def test_the_list_says_that_something_happened_and_shows_it(page_of, ticket, say):
    tickets = TicketsPage(page_of("agent"))
    with tickets.page.expect_websocket(lambda socket: "/ws/v1/inbox" in socket.url) as waiting:
        tickets.open()
    waiting.value.wait_for_event("framereceived")  # it listens
    row = tickets.row(ticket["subject"])
    expect(row).to_be_visible()
    expect(tickets.news).to_be_hidden()

    say("news for the list")
    expect(tickets.news).to_be_visible()
    expect(row).not_to_contain_text("news for the list")
    tickets.news.click()
    expect(row).to_contain_text("news for the list")
    expect(tickets.links).to_have_count(PAGE_ROWS)


def test_a_viewer_reads_live_and_writes_nothing(ticket, ticket_of, say):
    view = ticket_of("viewer", ticket["id"])
    expect(view.draft).to_have_count(0)
    expect(view.moves).to_have_count(0)
    expect(view.page.get_by_role("combobox")).to_have_count(0)
    say("an agent's answer")
    expect(view.message("an agent's answer")).to_be_visible()


def test_every_control_has_a_name_and_every_page_one_heading(page_of, ticket):
    page = page_of("owner")
    for address in ("/tickets", f"/tickets/{ticket['id']}"):
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.locator("html")).to_have_attribute("lang", "en")
        controls = page.locator("button:visible, select:visible, textarea:visible, input:visible")
        assert controls.count() > 0
        for control in controls.all():
            expect(control).to_have_accessible_name(re.compile(r"\S"))


def test_the_strict_policy_blocks_nothing_of_ours(context_of, ticket):
    page = context_of("agent").new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    TicketsPage(page).open()
    view = TicketPage(page)
    view.open(ticket["id"])
    view.send("quietly")
    view.expect_status("quietly", "delivered")
    assert complaints == []
