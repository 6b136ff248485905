"""What the domain does, it does over both databases."""

import pytest


@pytest.fixture
def database_url(store_url):
    return store_url
