"""The operators' side of the CA: a REST API described by OpenAPI, and two pages to read."""
