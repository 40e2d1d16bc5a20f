"""The first click: how a missing engine gets installed. Pip and Slicer's dialogs are Slicer's own, and given here."""

import os
import sys
from subprocess import CalledProcessError
from types import SimpleNamespace

import pytest
import slicer

from Testing.package import ROOT

RESOURCES = ROOT / "SpineAlignment" / "Resources"


@pytest.fixture
def install(qt_application, monkeypatch):
    """The room, without an engine, and what was asked of Slicer."""
    from SpineAlignmentLib.panels import engine_install, package_install

    calls = SimpleNamespace(here=(), asked=[], installed=[], errors=[], answer=True, failure=None, meanwhile=None)

    def pip(requirements, **options):
        if calls.meanwhile is not None:
            calls.meanwhile()
        calls.installed.append((list(requirements), options, os.environ.get("PIP_FIND_LINKS")))
        if calls.failure is not None:
            raise calls.failure
        calls.here = ("onnx",)

    def ask(text, **_):
        calls.asked.append(text)
        return calls.answer

    calls.pip = pip
    monkeypatch.setattr(engine_install, "available_engines", lambda: calls.here)
    monkeypatch.setattr(slicer.util, "pip_install", pip)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", ask)
    monkeypatch.setattr(slicer.util, "errorDisplay", calls.errors.append)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    calls.ready = engine_install.engine_ready
    calls.room = package_install
    return calls


@pytest.fixture
def packaging(install, monkeypatch):
    """Slicer 5.11 and later: `slicer.packaging` asks, installs and shows what went wrong."""
    module = SimpleNamespace(load_requirements=lambda path: (ROOT / path).read_text().split(), pip_ensure=install.pip)
    monkeypatch.setitem(sys.modules, "slicer.packaging", module)
    return install


def test_slicers_own_packaging_installs_what_the_requirements_say(packaging):
    assert packaging.ready("auto")
    assert packaging.installed == [(["onnxruntime>=1.18"], {"requester": "Spine Alignment"}, None)]
    assert not packaging.asked


@pytest.mark.parametrize("failure", [RuntimeError("User declined"), CalledProcessError(1, "pip")])
def test_slicers_own_packaging_says_itself_what_went_wrong(packaging, failure):
    packaging.failure = failure
    assert not packaging.ready("auto")
    assert not packaging.errors


def test_before_slicer_5_11_the_module_asks(install):
    install.answer = False
    assert not install.ready("auto")
    assert "onnxruntime" in install.asked[0] and not install.installed
    install.answer = True
    assert install.ready("auto")
    assert install.installed[0][0] == ["onnxruntime>=1.18"]
    assert not install.errors


def test_before_slicer_5_11_one_dialog_says_what_went_wrong(install):
    install.failure = CalledProcessError(1, "pip")
    assert not install.ready("tensorflow")
    assert install.installed[0][0] == ["tensorflow>=2.16"]
    assert len(install.errors) == 1 and "tensorflow>=2.16 could not be installed" in install.errors[0]


def test_a_second_click_does_not_install_again(packaging):
    packaging.meanwhile = lambda: packaging.installed.append(("second click", packaging.ready("auto")))
    assert packaging.ready("auto")
    assert packaging.installed[0] == ("second click", False)
    assert len(packaging.installed) == 2


def test_wheels_for_computers_without_the_internet(packaging, monkeypatch, tmp_path):
    (tmp_path / "Wheels").mkdir()
    (tmp_path / "Wheels" / "onnxruntime-1.20-cp312-cp312-win_amd64.whl").touch()
    (tmp_path / "requirements.txt").write_text((RESOURCES / "requirements.txt").read_text())
    monkeypatch.setattr(packaging.room, "_resources", lambda: tmp_path)
    assert packaging.ready("auto")
    assert packaging.installed[0][2] == str(tmp_path / "Wheels")
    assert "PIP_FIND_LINKS" not in os.environ and "PIP_NO_INDEX" not in os.environ
