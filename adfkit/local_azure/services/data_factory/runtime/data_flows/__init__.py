"""What ExecuteDataFlow does: fetch the files of sources, run the data flow in a process, store the files of sinks."""
