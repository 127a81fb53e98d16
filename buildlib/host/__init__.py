"""The build host: processes, environment and clock, job server, locks, files, its errors."""
