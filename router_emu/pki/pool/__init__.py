"""The trust pool: CA certificates, built in or brought by a bundle, and how they stay fresh."""
