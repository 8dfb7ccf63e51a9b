# Runs the function `transform` of an R file on the CSV files of a folder, and writes its result there.
options(scipen = 999) # 100000 is written as such, not as 1e+05
arguments <- commandArgs(trailingOnly = TRUE)
file <- arguments[1]
folder <- arguments[2]
inputs <- arguments[-(1:2)]
source(file)
if (!exists("transform", mode = "function", envir = globalenv(), inherits = FALSE)) {
  stop(basename(file), " defines no function 'transform'")
}
frames <- lapply(inputs, function(input) {
  classes <- read.csv(file.path(folder, paste0(input, ".classes.csv")), colClasses = "character")
  read.csv(
    file.path(folder, paste0(input, ".csv")),
    colClasses = setNames(classes$class, classes$column), na.strings = "\\N", check.names = FALSE
  )
})
names(frames) <- inputs
result <- do.call(transform, frames)
if (!is.data.frame(result)) {
  stop("'transform' returned no data frame but an object of class ", class(result)[1])
}
write.csv(result, file.path(folder, "result.csv"), row.names = FALSE, na = "\\N")
