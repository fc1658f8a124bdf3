"""Files that an agent sends with a message."""

from __future__ import annotations

import re

from playwright.sync_api import Route, expect

from e2e.test_conversation import MESSAGES_URL, unique

LOG = {"name": "carrier.txt", "mimeType": "text/plain", "buffer": b"left 07:41, arrived 09:12\n"}
PHOTO = {"name": "box.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n" + b"\0" * 2000}
PROGRAM = {"name": "run.exe", "mimeType": "image/png", "buffer": b"MZ\x90\x00\x03\x00\xff\xfe"}


def test_file_that_is_sent_arrives_and_can_be_saved(ticket, ticket_of):
    ari, ada = ticket_of("agent", ticket["id"]), ticket_of("admin", ticket["id"])
    text = unique("The carrier's log, as you asked.")
    ari.attach(LOG, PHOTO)
    ari.files.get_by_role("button", name="Remove box.png").click()
    ari.send(text)

    ari.expect_status(text, "delivered")
    expect(ari.files).to_be_hidden()
    with ada.page.expect_download() as saving:
        ada.message(text).get_by_role("link", name="carrier.txt").click()
    assert saving.value.path().read_bytes() == LOG["buffer"]
    for view in (ari, ada):
        expect(view.message(text).get_by_role("link")).to_have_count(1)
        expect(view.messages).to_have_count(2)


def test_file_that_is_no_document_is_refused_by_name_and_the_text_stays(ticket, ticket_of):
    view = ticket_of("agent", ticket["id"])
    view.draft.fill("with a program")
    view.attach(PROGRAM)
    expect(view.error).to_contain_text("run.exe was not uploaded")
    expect(view.files).to_be_hidden()
    expect(view.draft).to_have_value("with a program")
    view.draft.press("Enter")
    expect(view.message("with a program")).to_be_visible()


def test_files_come_back_with_a_text_that_was_not_sent(ticket, ticket_of):
    view = ticket_of("agent", ticket["id"])
    text = unique("first try")

    def refuse(route: Route) -> None:
        route.fulfill(status=500, json={"detail": "Broken today."})

    view.page.route(MESSAGES_URL, refuse)
    view.attach(LOG)
    view.send(text)
    expect(view.error).to_contain_text("Broken today.")
    expect(view.files).to_contain_text("carrier.txt")

    view.page.unroute(MESSAGES_URL, refuse)
    view.send_button.click()
    view.expect_status(text, "delivered")
    expect(view.message(text).get_by_role("link", name=re.compile("carrier"))).to_be_visible()


def test_more_files_than_a_message_may_carry_are_refused_with_the_number(ticket, ticket_of):
    view = ticket_of("agent", ticket["id"])
    many = [{**LOG, "name": f"{number}.txt"} for number in range(11)]
    view.choose(*many)
    expect(view.error).to_contain_text("at most 10 files")
    expect(view.files).to_be_hidden()
