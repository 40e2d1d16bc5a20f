"""Fixtures of the module's tests: the stand-in host, a film in its scene, and a small real network."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

slicer = pytest.importorskip("slicer", reason="the MRML rooms need slicer-core")
pytest.importorskip("PySide6", reason="the stand-in host needs PySide6-Essentials")

from Testing import small_models  # noqa: E402
from Testing.host import application, subject  # noqa: E402
from Testing.host.films import add_film  # noqa: E402
from Testing.module.window import wait_until  # noqa: E402


@pytest.fixture(scope="session")
def qt_application():
    return application.install()


@pytest.fixture(scope="session")
def _host(qt_application) -> Iterator[application.Host]:
    host = application.Host()
    # the view is rendered in software: a small one is fast
    host.resize(960, 640)
    host.show()
    yield host
    host.finish()


@pytest.fixture
def host(_host) -> Iterator[application.Host]:
    """The host with an empty scene; its module is not open yet."""
    yield _host
    _host.close_module()
    slicer.mrmlScene.Clear()


@pytest.fixture
def scene(host):
    return slicer.mrmlScene


@pytest.fixture
def film(scene):
    """A film that shows where the spine is, facing left, with a spacing."""
    return add_film(scene, subject.film_pixels(), subject.SPACING_MM)


@pytest.fixture
def spine(scene):
    from SpineAlignmentLib.mrml.spine_scene import SpineScene

    spine = SpineScene.of(scene)
    yield spine
    spine.release()


@pytest.fixture
def alignment(spine, film):
    """A film with all of its landmarks in place."""
    alignment = spine.create(film)
    alignment.set_anterior("left")
    alignment.set_points(subject.upright_px())
    return alignment


@pytest.fixture
def module(host, film):
    """The module's widget, open on the film."""
    return host.open_module()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real, small network: the upright spine, moved to where the input is bright; FH_2 is unsure."""
    pytest.importorskip("onnx")
    return small_models.write(tmp_path_factory.mktemp("models"))


@pytest.fixture
def detected(module, models, film):
    """The module after a click on Detect landmarks, with a real child process and network."""
    module.logic.models = models
    # the small network sees the same spine either way
    module.logic.alignment(film).set_anterior("left")
    module.ui.detectButton.click()
    wait_until(lambda: not module.logic.queue.busy)
    return module
