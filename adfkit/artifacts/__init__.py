"""Data Factory artifacts: rendered from templates or loaded from a folder, checked, ordered, planned and applied."""
