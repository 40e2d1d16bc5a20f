#!/bin/sh
# A markups node that a program adds takes the clicks of a user who is placing points of another one: Slicer's Markups
# logic makes every new markup the active place node, also one that is locked, not selectable and hidden from editors, and
# of another class than the one being placed. Place mode itself stays on, so that nothing tells the user; with a line or a
# curve the class to place changes too. Whoever draws derived markups while points are placed has to put both back.
# slicer-core 5.11.0.6 (Slicer's MRML and Markups logic as a Python package), driven by trame-slicer 2.0.0, VTK 9.6.0.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    'slicer-core==5.11.0.6' 'trame-slicer==2.0.0' 'slicer-layer-dm==2.0.0' 'vtk==9.6.0' 'trame==4.0.0' 'trame-rca==2.11.8'
cat > "$folder/seen.py" <<'PYTHON'
from importlib.metadata import version

import slicer
from trame_slicer.core import SlicerApp

app = SlicerApp()
scene = app.scene
slicer.mrmlScene = scene
selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
mine = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "being placed")
print("slicer-core", version("slicer-core"), "trame-slicer", version("trame-slicer"))
for kind in ("Line", "Curve", "Fiducial"):
    selection.SetReferenceActivePlaceNodeClassName("vtkMRMLMarkupsFiducialNode")
    selection.SetActivePlaceNodeID(mine.GetID())
    interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.Place)
    node = scene.CreateNodeByClass(f"vtkMRMLMarkups{kind}Node")
    node.UnRegister(None)
    node.SetLocked(True)
    node.SetSelectable(False)
    node.SetHideFromEditors(True)
    node = scene.AddNode(node)
    taken = selection.GetActivePlaceNodeID() == node.GetID()
    placing = interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place
    print(f"{kind}: takes the clicks {taken}, class to place {selection.GetActivePlaceNodeClassName()}, still placing {placing}")
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" > "$folder/seen.txt" 2> "$folder/errors.txt" || { cat "$folder/errors.txt"; exit 1; }
cat "$folder/seen.txt"
diff "$folder/seen.txt" - <<'EXPECTED'
slicer-core 5.11.0.6 trame-slicer 2.0.0
Line: takes the clicks True, class to place vtkMRMLMarkupsLineNode, still placing True
Curve: takes the clicks True, class to place vtkMRMLMarkupsCurveNode, still placing True
Fiducial: takes the clicks True, class to place vtkMRMLMarkupsFiducialNode, still placing True
EXPECTED
