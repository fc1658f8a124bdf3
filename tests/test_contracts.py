"""Each import contract is seen to break: plant a forbidden import, `lint-imports` must object."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("config", "helpdesk", "chaos", "slo", "qa_seed")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contracts")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_contracts_hold(pristine):
    done = lint(pristine)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "planted", "contract"),
    [
        pytest.param("chaos/kernel.py", "import slo.models", "Apps depend downwards", id="apps"),
        pytest.param("slo/gate.py", "import helpdesk.models", "Apps depend downwards", id="slo-up"),
        pytest.param(
            "helpdesk/dispatch.py", "import chaos.kernel", "helpdesk runs without", id="product"
        ),
        pytest.param(
            "helpdesk/models/tickets.py",
            "import helpdesk.services.tickets",
            "entry points >",
            id="layers",
        ),
        pytest.param(
            "helpdesk/tasks.py", "import helpdesk.consumers", "entry points >", id="siblings"
        ),
        pytest.param("helpdesk/utils.py", "", "entry points >", id="a god module"),
        pytest.param("slo/arithmetic.py", "import django", "free of Django", id="pure"),
        pytest.param(
            "helpdesk/services/tickets.py", "import pytest", "does not import tests", id="test code"
        ),
    ],
)
def test_a_forbidden_import_breaks_its_contract(pristine, module, planted, contract):
    path = pristine / module
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{planted}\n")
    try:
        done = lint(pristine)
    finally:
        path.write_text(before) if before is not None else path.unlink()
    assert done.returncode != 0
    broken = [line for line in done.stdout.splitlines() if "BROKEN" in line or "not listed" in line]
    assert any(contract in line for line in broken) or contract in done.stdout, done.stdout
