"""`docs/reference/access.md` says what the code does."""

from helpdesk.access import Right
from helpdesk.tests import access_page


def test_the_page_is_what_the_code_says():
    assert access_page.PAGE.read_text() == access_page.text(), access_page.__doc__


def test_every_right_has_a_meaning_and_no_route_is_closed_to_everybody():
    assert set(access_page.MEANING) == set(Right)
    assert "| nobody |" not in access_page.text()
