"""What the CA decides, without I/O: ``now``, randomness and the store are arguments.

Reading order: ``requests`` (the states of a request), ``policy`` (what becomes of a new one),
``authority`` (what is signed), ``approval`` (what operators do), ``service`` (what clients get).
``ledger`` is what must be remembered; ``profiles`` is where real CAs differ on the wire.
"""
