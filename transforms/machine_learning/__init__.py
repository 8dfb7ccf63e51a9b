"""What Azure Machine Learning runs for an ingestion: register the dataset version, then train."""
