"""What wraps a transform for the service that runs it: reading its source, running it, writing its result."""
