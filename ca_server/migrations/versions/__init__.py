"""The revisions of the schema, one a file; they only go up."""
