"""A stand-in host: the module's real code and .ui file in a plain Qt window, without Slicer's application.

What is real: the module, its panel file, Slicer's MRML nodes, markups, displayable managers and slice view
(slicer-core, trame-slicer) and `slicer.util`. What stands in: PySide6 for PythonQt's `qt` (`qt_module`), the few
ctk and qMRML widgets that the panel uses (`widgets`), `slicer.app` with a layout of one slice view (`application`), and
minimal versions of Slicer's `ScriptedLoadableModule` and `parameterNodeWrapper`. With the environment variable
SLICER_PYTHON_DIR naming the folder Base/Python/slicer of Slicer's sources, those last two are Slicer's own.

`python -m Testing.host [FILM]` opens the module in a window.
"""
