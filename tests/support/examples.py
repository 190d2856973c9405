"""How hypothesis is run: what it measures is the machine's load, so it measures nothing."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def take_time() -> None:
    """Let an example take as long as it does. To be called before the tests are imported."""
    settings.register_profile(
        "sockcrud", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("sockcrud")
