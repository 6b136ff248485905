"""A Cisco IOS XR router's shell and PKI, emulated.

The packages are a straight line: ``syntax, texts <- config, pki <- commands <- cli <- adapters``.
All but the adapters are without I/O: time and randomness are arguments, long work is an effect.
"""
