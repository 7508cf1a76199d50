"""gismap, 综治一张图: one map for grid governance."""

__version__ = "0.1.0"
