"""The contract harness: whether a target keeps the serving-endpoints contract, safely, and with nothing left behind."""
