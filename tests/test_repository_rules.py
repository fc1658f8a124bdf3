"""Rules of this house that no off-the-shelf linter knows, read from the syntax tree."""

import ast
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
APPS = ("config", "helpdesk", "chaos", "slo", "qa_seed")
SUITES = ("tests", "e2e")
ASSERTING_CALLS = {"raises", "warns", "fail", "expect"}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "misc"}
# An INSERT has no columns of others to undo, and fails where the row exists already.
SAFE_SAVES = {"update_fields", "force_insert"}
# Orders that end in one of these are unique: a page never skips or repeats a row.
UNIQUE_KEYS = {
    "id", "pk", "seq", "queue", "email", "name", "status", "taken_at", "expires_at", "created_at",
}  # fmt: skip


def product_files(*, folders: tuple[str, ...] = APPS) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [
        ROOT / path
        for path in listed
        if path.split("/")[0] in folders and "/migrations/" not in path
    ]


def trees(*, with_tests: bool = False) -> Iterator[tuple[Path, ast.Module]]:
    for path in product_files():
        if with_tests or "/tests/" not in str(path):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def calls(tree: ast.Module, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == name
        ):
            yield node


def test_files_stay_under_300_lines():
    long = {
        str(p.relative_to(ROOT)): n
        for p in product_files()
        if (n := len(p.read_text().splitlines())) > 300
    }
    assert long == {}


def test_functions_are_short():
    lengths = {}
    for path, tree in trees():
        for function in functions(tree):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            lengths[f"{path}:{function.lineno} {function.name}"] = lines
    assert {where: n for where, n in lengths.items() if n > 50} == {}
    assert statistics.median(lengths.values()) <= 8


def test_no_module_is_named_for_nothing():
    assert [str(p) for p in product_files() if p.stem in FORBIDDEN_NAMES] == []


def test_row_locks_say_how_strong_they_are():
    """`no_key=True`, so that a lock does not block rows that merely point here; or a reason."""
    silent = []
    for path, tree in trees():
        lines = (ROOT / path).read_text().splitlines()
        for call in calls(tree, "select_for_update"):
            named = {keyword.arg for keyword in call.keywords}
            if "no_key" not in named and "#" not in lines[call.lineno - 1]:
                silent.append(f"{path}:{call.lineno}")
    assert silent == []


def test_saves_name_their_fields():
    """A bare `save()` writes every column back and undoes what others wrote meanwhile."""
    bare = [
        f"{path}:{call.lineno}"
        for path, tree in trees()
        for call in calls(tree, "save")
        if not SAFE_SAVES & {keyword.arg for keyword in call.keywords}
        and not _is_super(call)
        and not call.args
    ]
    assert bare == []


def _is_super(call: ast.Call) -> bool:
    target = call.func.value if isinstance(call.func, ast.Attribute) else None
    return isinstance(target, ast.Call) and getattr(target.func, "id", "") == "super"


def test_every_order_ends_in_a_unique_column():
    loose = []
    for path, tree in trees():
        for call in calls(tree, "order_by"):
            last = call.args[-1] if call.args else None
            if isinstance(last, ast.Constant) and str(last.value).lstrip("-") not in UNIQUE_KEYS:
                loose.append(f"{path}:{call.lineno} {last.value!r}")
    assert loose == []


def test_the_environment_is_read_in_config_alone():
    readers = [
        f"{path}:{node.lineno}"
        for path, tree in trees()
        if path.parts[0] != "config"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv")
        and getattr(node.value, "id", "") == "os"
    ]
    assert readers == []


def test_no_signal_is_connected_for_our_own_models():
    assert [
        str(p)
        for p, tree in trees()
        if "post_save" in ast.dump(tree) or "pre_save" in ast.dump(tree)
    ] == []


def test_no_package_host_is_named_anywhere():
    hosts = [
        "py" + "pi.org",
        "pythonhosted" + ".org",
        "registry.npm" + "js.org",
        "deb.debian" + ".org",
    ]
    tracked = subprocess.run(
        ["git", "grep", "-lIE", "|".join(hosts).replace(".", r"\.")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tracked.stdout == ""


def test_every_test_asserts_something():
    empty = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for path in product_files(folders=(*APPS, *SUITES))
        if path.name.startswith("test_")
        for function in functions(ast.parse(path.read_text()))
        if function.name.startswith("test_") and not any(map(_asserts, ast.walk(function)))
    ]
    assert empty == []


def _asserts(node: ast.AST) -> bool:
    """`assert`, what pytest and Playwright have instead, and helpers with `assert_` in the name."""
    if isinstance(node, ast.Call):
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        return "assert_" in name or name in ASSERTING_CALLS
    return isinstance(node, ast.Assert)


def test_no_test_makes_its_celery_app_the_current_one():
    """The product publishes through the current app: a test's own would take its jobs away."""
    hijackers = [
        f"{path}:{node.lineno}"
        for path, tree in trees(with_tests=True)
        if "/tests/" in str(path)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Celery"
        and "set_as_current" not in {keyword.arg for keyword in node.keywords}
    ]
    assert hijackers == []
