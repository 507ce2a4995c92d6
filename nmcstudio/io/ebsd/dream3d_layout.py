"""Names in the files of DREAM.3D, for reading and writing.

Two generations: version 6 and 7 (SIMPL, DREAM.3D 6.x) with ``DataContainers/NAME/_SIMPL_GEOMETRY`` (datasets DIMENSIONS,
ORIGIN and SPACING, x y z) and attribute matrices beside it; version 8 (simplnx, DREAM3D-NX) with ``DataStructure/NAME``, an
ImageGeom with attributes _DIMENSIONS, _ORIGIN and _SPACING, and attribute matrices inside. Cell arrays are ``[z, y, x,
components]``. The origin is the corner of the first voxel; lengths have no unit, um by custom. EulerAngles are Bunge's, in
radians; Quats are (x, y, z, w) of the passive rotation from sample to crystal, the same quaternion as ours; hexagonal
lattices have x along a, as EDAX. Phases count from 1, and the first entry of each ensemble array stands for none. Sources:
simplnx Documentation (DREAM3D file specification), src/simplnx/Utilities/Parsing/DREAM3D/Dream3dIO.cpp (legacy files),
Plugins/OrientationAnalysis/docs/ReadCtfDataFilter.md and CreateEnsembleInfoFilter.md; EbsdLib, eu2qu.
"""

from __future__ import annotations

CONTAINERS, STRUCTURE, GEOMETRY = "DataContainers", "DataStructure", "_SIMPL_GEOMETRY"
# Laue classes by DREAM.3D's numbers; 999 is unknown.
CRYSTAL_STRUCTURES = ("6/mmm", "m-3m", "6/m", "m-3", "-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m")
UNKNOWN_STRUCTURE = 999
# Attribute of the root of files of this program: what DREAM.3D has no place for, as JSON.
OWN_NOTES = "nmcstudio"
