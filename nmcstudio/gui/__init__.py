"""The desktop window: the only room with Qt."""
