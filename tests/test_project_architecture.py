"""docs/architecture.md shows the actual imports, and pages name files that exist."""

import re
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("callbacks", "data", "experiments", "folklore", "models")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("logs/*.md")])
MOST_MODULES, MOST_LINES = 14, 300


@pytest.fixture(scope="module")
def imports():
    """Package or room to those that it imports directly; `folklore` itself stands for its top-level modules."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    for room in sorted(graph.find_children("folklore")):
        graph.squash_module(room)
    for package in PACKAGES:
        if package != "folklore":
            graph.squash_module(package)
    rooms = {module: _room(module) for module in graph.modules}
    found = {room: set() for room in rooms.values()}
    for module, room in rooms.items():
        found[room] |= {rooms[other] for other in graph.find_modules_directly_imported_by(module)} - {room}
    return {room: sorted(others) for room, others in sorted(found.items())}


def _room(module):
    is_room = (ROOT / module.replace(".", "/")).is_dir()
    return module.removeprefix("folklore.") if is_room else "folklore"


def test_table_of_imports_matches_code(imports):
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = {
        name: re.findall(r"`(\w+)`", cells) for name, cells in re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", page, re.M)
    }
    assert drawn == imports


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_named_on_page_exist(page):
    named = re.findall(r"`((?:[\w.]+/)+[\w{},]+\.\w+)`", page.read_text(encoding="utf-8"))
    packages = ("callbacks", "data", "folklore", "models", "tests", "benchmarks", "docs")
    missing = [name for name in named if name.split("/")[0] in packages and not (ROOT / name).exists()]
    assert missing == []


def test_rooms_and_files_stay_small():
    rooms = [ROOT / "folklore", *(path for path in (ROOT / "folklore").rglob("*") if path.is_dir())]
    large = [room.name for room in rooms if len([f for f in room.glob("*.py") if f.stem != "__init__"]) > MOST_MODULES]
    assert large == []
    files = [file for folder in (*PACKAGES, "tests", "benchmarks") for file in (ROOT / folder).rglob("*.py")]
    assert [file.name for file in files if len(file.read_text("utf-8").splitlines()) > MOST_LINES] == []
