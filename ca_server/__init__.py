"""The SCEP CA: looks like Microsoft NDES on one path, speaks RFC 8894 on all, asks a person first.

Reading order: ``domain`` (what is decided), then the edges ``web`` (SCEP over HTTP), ``console`` (the
operators' API), ``store`` (the database), ``state`` (the state folder), ``app`` and ``__main__``.
"""
