"""The `adfkit` command."""
