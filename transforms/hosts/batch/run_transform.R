# Runs the function `transform` of an R file on the CSV files of a folder, and writes its result there.
arguments <- commandArgs(trailingOnly = TRUE)
source(arguments[1])
folder <- arguments[2]
names <- arguments[-(1:2)]
frames <- lapply(names, function(name) {
  read.csv(file.path(folder, paste0(name, ".csv")), stringsAsFactors = FALSE, check.names = FALSE)
})
names(frames) <- names
result <- do.call(transform, frames)
write.csv(result, file.path(folder, "result.csv"), row.names = FALSE, na = "NA")
