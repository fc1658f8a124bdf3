"""The progress bar is for people: on a terminal only, and gone when the work is done."""

from __future__ import annotations

import io

from qa_seed.progress import bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_sees_how_far_it_is():
    screen = Terminal()
    with bar(screen, total=200, noun="tickets") as shown:
        shown.advance(100)
    assert "50%  100/200 tickets" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")


def test_a_file_gets_no_bar():
    pipe = io.StringIO()
    with bar(pipe, total=200, noun="tickets") as shown:
        shown.advance(200)
    assert pipe.getvalue() == ""
