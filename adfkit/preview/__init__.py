"""What a change does: one report model, and its renderers."""
