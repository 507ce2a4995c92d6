"""Shell and grains put together: virtual particles, and scenarios of what-if."""
