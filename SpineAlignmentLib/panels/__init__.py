"""The parts of the module's panel in Slicer's window: Qt and Slicer's application are used here, and only here."""
