"""Two people, two browsers, one ticket."""

from __future__ import annotations

import re
import uuid

from playwright.sync_api import Request, Route, WebSocketRoute, expect

from e2e.pages.ticket import TicketPage

SOCKET_URL = re.compile(r"/ws/v1/tickets/\d+")
MESSAGES_URL = re.compile(r"/api/v1/tickets/\d+/messages$")


def unique(words: str) -> str:
    return f"{words} {uuid.uuid4().hex[:8]}"


def test_two_agents_see_each_other_without_reloading(ticket, ticket_of):
    ari, ada = ticket_of("agent", ticket["id"]), ticket_of("admin", ticket["id"])
    from_ari, from_ada = unique("It left our house this morning."), unique("I called the carrier.")

    ari.send(from_ari)
    expect(ada.message(from_ari)).to_be_visible()
    ari.expect_status(from_ari, "delivered")
    ada.expect_status(from_ari, "delivered")

    ada.send(from_ada, kind="Note")
    expect(ari.message(from_ada)).to_have_attribute("data-kind", "note")
    for view in (ari, ada):
        expect(view.messages).to_have_count(3)
        expect(view.messages.nth(1)).to_contain_text(from_ari)
        expect(view.messages.nth(2)).to_contain_text(from_ada)


def test_enter_sends_and_shift_enter_starts_a_line(ticket, ticket_of):
    view = ticket_of("agent", ticket["id"])
    first, second = unique("one"), unique("two")
    view.draft.press_sequentially(first)
    view.draft.press("Shift+Enter")
    view.draft.press_sequentially(second)
    expect(view.draft).to_have_value(f"{first}\n{second}")
    view.draft.press("Enter")
    expect(view.message(first)).to_contain_text(second)
    expect(view.draft).to_have_value("")
    expect(view.draft).to_be_focused()


def test_what_was_said_is_shown_as_text(ticket, ticket_of):
    view = ticket_of("agent", ticket["id"])
    markup = unique("<img src=x onerror=\"document.title='taken'\"> & <b>bold</b>")
    view.send(markup)
    view.expect_status(markup, "delivered")
    expect(view.log.locator("img, b")).to_have_count(0)
    view.page.reload()
    expect(view.message(markup)).to_be_visible()
    expect(view.log.locator("img, b")).to_have_count(0)
    expect(view.page).not_to_have_title("taken")


def test_a_tab_that_was_offline_catches_up_in_order(ticket, ticket_of, say):
    view = ticket_of("agent", ticket["id"])
    missed = [unique(f"missed {number}") for number in range(3)]
    view.page.context.set_offline(True)
    view.expect_line("offline")
    for text in missed:
        say(text)
    expect(view.message(missed[0])).to_have_count(0)

    view.page.context.set_offline(False)
    view.expect_line("online")
    expect(view.messages).to_have_count(1 + len(missed))
    for place, text in enumerate(missed, start=1):
        expect(view.messages.nth(place)).to_contain_text(text)


def test_a_socket_that_the_server_cuts_comes_back(ticket, page_of, say):
    view, sockets = TicketPage(page_of("agent")), []

    def pass_through(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    view.page.route_web_socket(SOCKET_URL, pass_through)
    view.open(ticket["id"])
    sockets[-1].close(code=1012, reason="the server restarts")
    later = unique("after the cut")
    say(later)
    expect(view.message(later)).to_have_count(1)
    view.expect_line("online")
    assert len(sockets) > 1


def test_an_event_lost_on_the_way_is_noticed_and_read_again(ticket, page_of, say):
    view, lost, next_one = TicketPage(page_of("agent")), unique("lost"), unique("next")

    def lose(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda frame: None if lost in str(frame) else socket.send(frame))

    view.page.route_web_socket(SOCKET_URL, lose)
    view.open(ticket["id"])
    say(lost)
    say(next_one)
    expect(view.message(lost)).to_have_count(1)
    expect(view.message(next_one)).to_have_count(1)
    expect(view.messages).to_have_count(3)


def test_a_socket_whose_session_ended_leads_to_the_login(ticket, ticket_of):
    view = ticket_of("viewer", ticket["id"])
    view.page.context.clear_cookies()
    view.page.context.set_offline(True)
    view.expect_line("offline")
    view.page.context.set_offline(False)
    expect(view.page).to_have_url(re.compile(rf"/login\?next=/tickets/{ticket['id']}$"))


def test_a_message_that_cannot_be_sent_keeps_its_text_and_its_key(ticket, ticket_of):
    view, text = ticket_of("agent", ticket["id"]), unique("do not lose me")
    keys: list[str] = []

    def remember(request: Request) -> None:
        if request.method == "POST" and MESSAGES_URL.search(request.url):
            keys.append(request.headers["idempotency-key"])

    def refuse(route: Route) -> None:
        route.abort("connectionfailed")

    view.page.on("request", remember)
    view.page.route(MESSAGES_URL, refuse)
    view.send(text)
    expect(view.error).to_contain_text("Your text is kept")
    expect(view.draft).to_have_value(text)
    expect(view.message(text)).to_have_count(0)

    view.page.unroute(MESSAGES_URL, refuse)
    view.send_button.click()
    view.expect_status(text, "delivered")
    expect(view.error).to_be_hidden()
    assert len(keys) > 1
    assert len(set(keys)) == 1


def test_moving_a_ticket_shows_at_once_to_others(ticket, ticket_of):
    ari, ada = ticket_of("agent", ticket["id"]), ticket_of("admin", ticket["id"])
    ari.page.get_by_role("button", name="Resolve").click()
    for view in (ari, ada):
        expect(view.header).to_have_attribute("data-status", "resolved")
        expect(view.moves).to_have_text(["Reopen", "Close"])
    ada.page.get_by_label("Assignee").select_option(index=1)
    expect(ari.page.get_by_label("Assignee")).not_to_have_value("none")
    ari.page.get_by_label("Priority").select_option(label="Urgent")
    expect(ada.header.locator("[data-priority=urgent]")).to_have_text("Urgent")


def test_two_quick_changes_both_hold(ticket, ticket_of):
    """The second waits for the first: it would refer to a version that is just being replaced."""
    view = ticket_of("agent", ticket["id"])
    assignee, held = view.page.get_by_label("Assignee"), []

    def hold(route: Route) -> None:
        held.append(route)

    view.page.route(re.compile(r"/change$"), hold, times=1)
    view.page.get_by_label("Priority").select_option(label="Urgent")
    expect(assignee).to_be_disabled()
    held[0].continue_()
    assignee.select_option(index=1)
    expect(assignee).to_be_enabled()
    view.page.reload()
    expect(view.page.get_by_label("Priority")).to_have_value("urgent")
    expect(assignee).not_to_have_value("none")


def test_the_slower_of_two_agents_is_told_in_words(ticket, ticket_of, api):
    view = ticket_of("agent", ticket["id"])
    view.page.route(re.compile(r"/tickets/\d+/header$"), lambda route: route.fulfill(status=204))
    faster = api.patch(f"/api/v1/tickets/{ticket['id']}", data={"priority": "high"})
    assert faster.ok
    view.page.get_by_label("Priority").select_option(label="Low")
    expect(view.page.get_by_text("The ticket changed since you read it")).to_be_visible()
    expect(view.page.get_by_label("Priority")).to_have_value("high")


def test_a_closed_ticket_takes_notes_only(ticket, ticket_of):
    view = ticket_of("agent", ticket["id"])
    view.page.once("dialog", lambda dialog: dialog.accept())
    view.page.get_by_role("button", name="Close").click()
    expect(view.header).to_have_attribute("data-status", "closed")
    expect(view.page.get_by_role("radio", name="Reply")).to_be_disabled()
    expect(view.moves).to_have_count(0)
    note = unique("the customer called again")
    view.draft.fill(note)
    view.draft.press("Enter")
    expect(view.message(note)).to_have_attribute("data-kind", "note")


def test_earlier_messages_come_on_request(ticket, ticket_of, say):
    for number in range(52):
        say(f"line {number:02}")
    view = ticket_of("agent", ticket["id"])
    expect(view.messages).to_have_count(50)
    view.page.get_by_role("button", name="Earlier messages").click()
    expect(view.messages).to_have_count(53)
    expect(view.messages.first).to_contain_text("where is my parcel")
    expect(view.page.get_by_role("button", name="Earlier messages")).to_have_count(0)
