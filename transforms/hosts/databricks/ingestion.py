# Databricks notebook source
# MAGIC %md
# MAGIC Runs the transform of an ingestion on Spark: reads its source, writes Parquet and a manifest, and ends with the
# MAGIC manifest as its value. A Data Factory pipeline gives the widgets their values.

# COMMAND ----------

import json

from transforms.hosts.databricks import spark_ingestion

# COMMAND ----------

WIDGETS = ("ingestion", "transform", "source", "data_location", "run_id", "window_start", "window_end")
for name in WIDGETS:
    dbutils.widgets.text(name, "")
request = {name: dbutils.widgets.get(name) for name in WIDGETS}

# COMMAND ----------

manifest = spark_ingestion.run(
    request, spark, lambda url, text: dbutils.fs.put(url, text, True), technique="databricks"
)

# COMMAND ----------

dbutils.notebook.exit(json.dumps(manifest))
