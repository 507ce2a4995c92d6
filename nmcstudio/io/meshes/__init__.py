"""Mesh files: STL, PLY and VTU, chosen by the file's extension."""

from nmcstudio.io.meshes.registry import EXTENSIONS, write_mesh

__all__ = ["EXTENSIONS", "write_mesh"]
