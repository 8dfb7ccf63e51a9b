"""Spark on this machine as it would run beside Azure: a Java for it, Hadoop's ABFS driver, the way to local Azure."""

from adfkit.local_azure.spark.environment import SparkEnvironment

__all__ = ["SparkEnvironment"]
