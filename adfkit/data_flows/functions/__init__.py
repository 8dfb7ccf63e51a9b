"""The functions of the data flow expression language, by what they work on."""
