"""Surface and volume meshes of label volumes, and their quality."""
