"""Hypothesis as the wire tests use it: shared machines are slow at times, so no deadline."""

from hypothesis import HealthCheck, settings

settings.register_profile("wire", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wire")
