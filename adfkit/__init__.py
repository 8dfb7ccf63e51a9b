"""adfkit: Azure Data Factory ingestion platforms as code, and the whole of them running on one machine."""
