"""The transformations of mapping data flows, by what they change."""
