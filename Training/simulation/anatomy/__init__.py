"""Parametric anatomy: closed triangle meshes of bones, air, soft tissue and implants in the patient frame (mm)."""
