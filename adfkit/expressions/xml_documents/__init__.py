"""XML for the functions `xml()`, `xpath()` and `json()`: a small document tree, its JSON form, and XPath 1.0."""
