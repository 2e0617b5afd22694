// Ends its process while it is being loaded.
process.exit(5)
