"""Grey-scale and label volumes: one module per format, and a registry that chooses among them."""
