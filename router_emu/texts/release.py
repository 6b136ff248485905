"""What the emulated router calls itself."""

from __future__ import annotations

# What the emulated software calls itself.  One of the releases whose wording MODERN follows.
VERSION = "7.11.1"
NODE = "RP/0/RP0/CPU0"
DEFAULT_HOSTNAME = "ios"
