"""Triggers: as they are declared, when they fire, and what they have done."""
