"""What `adfkit new transform` writes: templates of a transform that is small, whole, and passes its own tests."""
