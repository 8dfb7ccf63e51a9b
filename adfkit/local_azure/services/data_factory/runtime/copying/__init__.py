"""The Copy activity's work: files from a source store, rows mapped and converted, files in a sink store.

https://learn.microsoft.com/azure/data-factory/copy-activity-overview
"""
