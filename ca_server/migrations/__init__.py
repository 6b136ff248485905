"""Alembic's scripts, which bring an older database to the present schema; see ``store_opening``."""
