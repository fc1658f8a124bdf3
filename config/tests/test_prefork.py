"""What a forked process does is what the same command does when it is started afresh."""

import subprocess
import sys
import time

import pytest

from config import prefork
from config.embedded import folders
from tests.processes import title

PARENT = """
import sys
from config.prefork import Forked
child = Forked(sys.argv[1:])
said = child.stdout.read().decode()
print(repr((child.wait(), child.wait(), said)))
"""
WAITING_PARENT = """
import sys
from config.prefork import Forked
child = Forked(["python", sys.argv[1]])
print(child.stdout.readline().decode())
child.wait()
"""
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks")


def fork(tmp_path, program: str, *words: str) -> tuple[int, str]:
    """Run the program as a fork of a fresh parent; return its exit code and what it printed."""
    file = tmp_path / "program.py"
    file.write_text(program)
    return run_forked("python", str(file), *words)


def run_forked(*command: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", PARENT, *command],
        cwd=folders.REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    code, again, said = eval(done.stdout)  # noqa: S307 - a tuple that PARENT has printed
    assert code == again
    return code, said


def test_it_gets_its_words_and_its_output_is_read(tmp_path):
    code, said = fork(tmp_path, "import sys; print(sys.argv[1:], __name__)", "a b", "c")
    assert (code, said) == (0, "['a b', 'c'] __main__\n")


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("raise SystemExit", 0),
        ("raise SystemExit(3)", 3),
        ("raise SystemExit('no')", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15),
    ],
)
def test_its_end_is_told_as_a_process_tells_it(tmp_path, program, code):
    assert fork(tmp_path, program)[0] == code


def test_error_is_printed_and_ends_it_with_1(tmp_path):
    code, said = fork(tmp_path, "import atexit; atexit.register(print, 'bye'); 1 / 0")
    assert code == 1
    assert "ZeroDivisionError" in said
    assert said.endswith("bye\n")


def test_module_is_run_as_python_does():
    code, said = run_forked("python", "-m", "json.tool", "--help")
    assert code == 0
    assert "usage:" in said


def test_it_has_a_session_of_its_own_and_ends_with_its_parent(tmp_path):
    file = tmp_path / "program.py"
    file.write_text(
        "import os, time; print(os.getpid(), os.getsid(0), flush=True); time.sleep(300)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-u", "-c", WAITING_PARENT, str(file)],
        cwd=folders.REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid, session = (int(word) for word in parent.stdout.readline().split())
    assert pid == session != parent.pid
    assert title(pid).startswith("python ")
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while title(pid):
        assert time.monotonic() < deadline, "it outlived its parent"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("celery -c ${COUNT:-2} worker", ["celery", "-c", "3", "worker"]),
        ("python -m config.web", ["python", "-m", "config.web"]),
        ("redis-server --port 1", None),
    ],
)
def test_procfile_line_is_split_as_the_shell_does(command, words):
    assert prefork.arguments(command, {"COUNT": "3", "PATH": "/usr/bin:/bin"}) == words
