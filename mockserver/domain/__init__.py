"""What the service does, as functions of values and time. Standard library only: no HTTP, no clock, no storage."""
