"""The grammar's engine: a table of whole commands, compiled to one trie a mode, and what a line means in it.

``kinds`` (what a typed argument may be), ``table`` (the rows and their trie), ``match`` (a line to
its row), ``options`` (what may come next: `?` and TAB).  It knows no command of the router:
those are in ``router_emu.cli.grammar``.
"""
