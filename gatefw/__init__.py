"""Firmware for an automated turnstile: a verified green code and a normal temperature open it, nothing else."""

__version__ = "0.1.0"
