"""What is measured of adfkit; the numbers stand in README.md beside this, each with its command."""
