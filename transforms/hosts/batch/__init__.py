"""What runs a transform as tasks of Azure Batch: one a group of partitions, and one that completes the result."""
