"""What the Extensions Index and Slicer's packager ask for."""

import ast
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from Testing.package import NOT_FOR_SLICER, ROOMS, ROOT, listed, on_disk

ALLOWED_AT_FILE_SCOPE = {"slicer", "vtk", "qt", "ctk", "vtkmodules", "SimpleITK", "numpy", "scipy", "SpineAlignmentLib"}
REPOSITORY = "https://github.com/SpineAlignment/SlicerSpineAlignment"
"""The Extensions Index asks for a name that starts with "Slicer"."""
PREFIX = REPOSITORY.replace("github.com", "raw.githubusercontent.com") + "/main/"
SCREENSHOT_ENDINGS = (".png", ".jpg", ".jpeg", ".gif")
SHALLOW_CLONE_MB = 60
HISTORY_MB = 250


@pytest.mark.parametrize("room", ROOMS)
def test_cmake_lists_every_file(room):
    assert listed(room) == on_disk(room), "run: python -m Testing.package"


@pytest.mark.parametrize("name", ["package", "host", "host.screenshots", "host.motion"])
def test_help_of_tools_is_no_argument(name):
    command = [sys.executable, "-m", f"Testing.{name}", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0 and done.stdout.startswith(f"usage: python -m Testing.{name} [-h]")
    assert not (ROOT / "--help").exists()


def imports_at_file_scope(tree):
    """Names of modules imported when a file is imported: outside functions, `if TYPE_CHECKING` aside."""
    pending = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield node.module or ""
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.ClassDef):
            pending += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]


def packaged_files(room):
    """The Python files that go into Slicer."""
    return [path for path in (ROOT / room).rglob("*.py") if path.parent.name not in NOT_FOR_SLICER]


@pytest.mark.parametrize("room", ROOMS)
def test_only_what_slicer_has_is_imported_at_file_scope(room):
    for path in packaged_files(room):
        tops = {name.split(".")[0] for name in imports_at_file_scope(ast.parse(path.read_text()))}
        assert tops - set(sys.stdlib_module_names) <= ALLOWED_AT_FILE_SCOPE, path


STARTS_LIKE_SLICER = """
import sys
import numpy, vtk, slicer
from Testing.host import application
application.install()
slicer.app = application.Application(None, True)
known = set(sys.modules)
application.load_module()
print(*sorted(set(sys.modules) - known))
"""


def test_slicers_start_imports_the_file_of_the_module_alone():
    """Rooms of the library come when they are used, and with them SciPy, pydicom and SimpleITK."""
    pytest.importorskip("slicer")
    pytest.importorskip("PySide6")
    command = [sys.executable, "-c", STARTS_LIKE_SLICER]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    new = set(printed.split()) - {name for name in printed.split() if name.split(".")[0] in sys.stdlib_module_names}
    assert new == {"SpineAlignment", "SpineAlignmentLib"}


def test_qt_is_used_in_the_panels_only():
    for path in packaged_files("SpineAlignmentLib"):
        names = {name.split(".")[0] for name in imports_at_file_scope(ast.parse(path.read_text()))}
        if path.parent.name != "panels":
            assert not names & {"qt", "ctk"}, path
        if path.parent.name not in ("panels", "mrml"):
            assert not names & {"slicer", "vtk"}, path


def test_the_index_entry_follows_its_schema():
    entry = json.loads((ROOT / "SpineAlignment.json").read_text())
    kinds = {
        "$schema": str, "category": str, "scm_url": str, "scm_type": str,
        "build_dependencies": list, "dicom_support_rule": str, "build_subdirectory": str, "enabled": bool, "tier": int,
    }  # fmt: skip
    assert {"$schema", "category", "scm_url"} <= entry.keys() <= kinds.keys()
    assert all(isinstance(value, kinds[key]) for key, value in entry.items())
    assert entry["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.2.json#")
    assert entry["scm_type"] == "git"
    # no scm_revision: the Index then looks at the default branch, and clones its newest commit alone
    assert entry["scm_url"] == f"{REPOSITORY}.git"
    assert 1 <= entry["tier"] <= 5


def test_cmake_s4ext_and_index_say_the_same():
    cmake = (ROOT / "CMakeLists.txt").read_text()
    entry = json.loads((ROOT / "SpineAlignment.json").read_text())
    lines = [line.split(maxsplit=1) for line in (ROOT / "SpineAlignment.s4ext").read_text().splitlines()]
    s4ext = {line[0]: line[1] if len(line) > 1 else "" for line in lines if line and not line[0].startswith("#")}
    meta = dict(re.findall(r'set\(EXTENSION_(\w+) "([^"]*)"\)', cmake))
    assert meta["ICONURL"] == s4ext["iconurl"]
    assert meta["SCREENSHOTURLS"] == s4ext["screenshoturls"]
    assert meta["CATEGORY"] == s4ext["category"] == entry["category"]
    assert meta["DESCRIPTION"] == s4ext["description"]
    assert meta["CONTRIBUTORS"] == s4ext["contributors"]
    assert s4ext["scmurl"] == entry["scm_url"]
    assert meta["HOMEPAGE"] == s4ext["homepage"] == REPOSITORY
    assert meta["DEPENDS"] == s4ext["depends"] == "NA"
    assert entry["build_dependencies"] == []
    assert entry["build_subdirectory"] == s4ext["build_subdirectory"]
    assert s4ext["scm"] == entry["scm_type"]
    assert int(s4ext["tier"]) == entry["tier"]
    assert bool(int(s4ext["enabled"])) == entry["enabled"]
    assert "project(SpineAlignment)" in cmake
    for url in (meta["ICONURL"], *meta["SCREENSHOTURLS"].split()):
        assert (ROOT / url.removeprefix(PREFIX)).is_file(), url
    assert all(url.endswith(SCREENSHOT_ENDINGS) for url in meta["SCREENSHOTURLS"].split())
    assert (ROOT / "LICENSE").is_file()


def test_the_icon_has_the_size_of_the_index():
    from PIL import Image

    with Image.open(ROOT / "SpineAlignment/Resources/Icons/SpineAlignment.png") as icon:
        assert icon.size == (128, 128)


def test_the_panel_names_every_parameter_and_widget_once():
    root = ElementTree.parse(ROOT / "SpineAlignment/Resources/UI/SpineAlignment.ui").getroot()
    names = [w.get("name") for w in root.iter("widget")]
    assert len(names) == len(set(names))
    tied = [p.findtext("string") for p in root.iter("property") if p.get("name") == "SlicerParameterName"]
    assert sorted(tied) == ["engine", "film", "otherFilm", "showCurve", "showLevels", "showNames", "showPoints"]


def test_a_clone_stays_small(tmp_path):
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    git = ["git", "-c", "safe.directory=*", "-C", str(ROOT)]
    # as the Index clones it: the newest commit alone
    subprocess.run([*git, "clone", "-q", "--depth", "1", ROOT.as_uri(), str(tmp_path / "clone")], check=True)
    files = [path for path in (tmp_path / "clone").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) / 1e6 < SHALLOW_CLONE_MB
    # what a whole clone fetches; packs on disk may hold an object more than once
    count = [*git, "rev-list", "--objects", "--disk-usage", "HEAD"]
    history = subprocess.run(count, capture_output=True, text=True, check=True).stdout
    assert int(history) / 1e6 < HISTORY_MB
