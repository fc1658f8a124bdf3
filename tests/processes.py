"""Who runs below whom, as Linux tells it."""

from pathlib import Path


def parents() -> dict[int, int]:
    """The living processes and their parents; a zombie is not alive."""
    found = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = place.read_text().rsplit(")", 1)[1].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            found[int(place.parent.name)] = int(parent)
    return found


def descendants(pid: int) -> set[int]:
    """Return the process and everything that it started, directly or not."""
    tree, found, fresh = parents(), {pid}, {pid}
    while fresh:
        fresh = {child for child, parent in tree.items() if parent in fresh}
        found |= fresh
    return found


def title(pid: int) -> str:
    """Return its command line, or what it has called itself since."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except FileNotFoundError:
        return ""
