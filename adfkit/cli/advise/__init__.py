"""`adfkit advise`: the techniques ranked for an ingestion, from measurements of its transform and documented limits."""
