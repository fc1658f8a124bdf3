"""
How close does `seed_qa` come to PostgreSQL's own `\\copy` of the very same rows?

`python -m tests.bench.seeding` seeds an empty, throwaway database in a process of its own, writes
the tables to files, empties them and lets `psql` read the files back: once as anybody would, with
indexes and constraints in place, and once as the seed does it, without them until the end. It
then seeds a tenth of the size, to compare the cost of a row. `--tickets 1000000` is the large run.
Exits 1 when a figure is over its limit. Needs `psql`.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.embedded import Services

MIN_TO_COPY: Final = 0.6
MAX_TO_TENTH: Final = 1.3
SMALL: Final = 1_000
SMALL_SECONDS: Final = 2.0
SMALL_MEGABYTES: Final = 300
NOW: Final = "2026-11-24T12:00:00Z"
TABLES: Final = [
    f"helpdesk_{name}" for name in ("contact", "ticket", "message", "attachment", "deadletter")
]
ROOT: Final = Path(__file__).resolve().parents[2]
# Runs the command, then tells the largest memory that it and each of its processes ever had.
SEED: Final = """
import os, resource, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if __name__ == "__main__":
    from django.core.management import execute_from_command_line
    execute_from_command_line(["manage.py", "seed_qa", *sys.argv[1:]])
    peaks = [resource.getrusage(who).ru_maxrss // 1024
             for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print("peak", *peaks)
"""


@dataclass(frozen=True)
class Run:
    """One seeding: its seconds without the start of Python, and its largest memory."""

    tickets: int
    rows: int
    seconds: float
    megabytes: tuple[int, int]

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds

    def show(self) -> None:
        own, other = self.megabytes
        print(
            f"seed_qa {self.tickets:>9,} tickets {self.rows:>10,} rows {self.seconds:>8.1f} s"
            f"{self.rows_per_second:>10,.0f} rows/s   peak {own} MB, writing processes {other} MB"
        )


def seed(tickets: int) -> Run:
    """Empty the desk and seed it in a process of its own."""
    psql(f"TRUNCATE {', '.join(TABLES)}, helpdesk_campaign CASCADE")
    # From a file, because the writing processes import what the command's was started from.
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(SEED)
        script.flush()
        command = [sys.executable, script.name, f"--tickets={tickets}", f"--now={NOW}"]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        told = subprocess.run(
            command, cwd=ROOT, env=env, check=True, capture_output=True, text=True
        ).stdout
    (seconds,) = re.findall(r" in ([\d.]+) s\.", told)
    own, other = map(int, told.split("peak ")[1].split())
    return Run(tickets, count_rows(), float(seconds), (own, other))


def count_rows() -> int:
    return sum(int(psql(f"SELECT count(*) FROM {table}")) for table in TABLES)  # noqa: S608


def psql(*commands: str) -> str:
    """Run SQL or psql's own commands without a time limit; return what they print."""
    options = [part for command in commands for part in ("-c", command)]
    return subprocess.run(
        ["psql", os.environ["DATABASE_URL"], "-qAt", "-v", "ON_ERROR_STOP=1", *options],
        env={**os.environ, "PGOPTIONS": "-c statement_timeout=0 -c maintenance_work_mem=128MB"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def copy_back(folder: Path, *, is_bare: bool) -> float:
    """Return the seconds that `\\copy` takes to read the tables back, bare tables or not."""
    psql(f"TRUNCATE {', '.join(TABLES)}, helpdesk_campaign CASCADE")
    drops, builds = parts() if is_bare else ([], [])
    began = time.monotonic()
    copies = [f"\\copy {table} from '{folder / table}'" for table in TABLES]
    psql("BEGIN", *reversed(drops), *copies, *builds, "COMMIT")
    return time.monotonic() - began


def parts() -> tuple[list[str], list[str]]:
    """Return the SQL that drops and builds what the seed drops and builds."""
    from qa_seed import bulk  # noqa: PLC0415 - needs settings

    names = f"'{{{','.join(TABLES)}}}'"
    found = [
        line.split("|", 1)
        for query in (bulk.INDEXES, bulk.CONSTRAINTS)
        for line in psql((query % names).replace("%%", "%")).splitlines()
    ]
    return [drop for drop, _ in found], [build for _, build in found]


def measure(tickets: int) -> bool:
    """Print the figures; return whether they are within their limits."""
    seed(SMALL)  # warms the disk and does not count
    small, tenth, full = seed(SMALL), seed(tickets // 10), seed(tickets)
    for run in (small, tenth, full):
        run.show()
    with tempfile.TemporaryDirectory(prefix="seeding-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        psql(*(f"\\copy {table} to '{folder / table}'" for table in TABLES))
        plain = copy_back(folder, is_bare=False)
        bare = copy_back(folder, is_bare=True)
    for title, seconds in ((r"\copy, all in place", plain), (r"\copy, built after", bare)):
        print(f"{title:<22}{full.rows:>24,} rows {seconds:>8.1f} s{full.rows / seconds:>10,.0f}")
    return judge(small, tenth, full, plain)


def judge(small: Run, tenth: Run, full: Run, plain: float) -> bool:
    """Hold the figures against their limits, and say which are over."""
    figures = (
        (r"seed_qa / \copy", plain / full.seconds, full.seconds * MIN_TO_COPY <= plain),
        ("cost of a row / that at a tenth", tenth.rows_per_second / full.rows_per_second,
         tenth.rows_per_second / full.rows_per_second <= MAX_TO_TENTH),
        (f"seconds for {SMALL:,} tickets", small.seconds, small.seconds <= SMALL_SECONDS),
        (f"megabytes for {SMALL:,} tickets", small.megabytes[0],
         small.megabytes[0] <= SMALL_MEGABYTES),
    )  # fmt: skip
    for name, figure, is_good in figures:
        print(f"{name}: {figure:.2f}{'' if is_good else '  OVER ITS LIMIT'}")
    return all(is_good for _, _, is_good in figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=50_000)
    options = parser.parse_args()
    services = Services("bench-seeding", is_durable=False, given={})
    services.start()
    try:
        os.environ.update({**services.env, "ENVIRONMENT": "qa"})
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        import django  # noqa: PLC0415

        django.setup()
        from django.core.management import call_command  # noqa: PLC0415

        call_command("migrate", verbosity=0)
        is_within = measure(options.tickets)
    finally:
        services.stop()
    sys.exit(0 if is_within else 1)


if __name__ == "__main__":
    main()
