"""Tutti: a gang scheduler for Kubernetes. All together or not at all."""

__version__ = "0.1.0"
