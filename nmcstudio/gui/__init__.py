"""The desktop window: the only room with Qt."""

from nmcstudio.gui.singletons import protect_singletons

# Before anything of Qt is imported.
protect_singletons()
