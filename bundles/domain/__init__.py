"""What bundles are made of, and which is published where and when: no I/O, no clock."""
