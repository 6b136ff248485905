"""The shell: the grammar table, its help, and a session that lines go into and text comes out of.

``grammar`` is where every command is found.  ``session`` drives one operator's dialogue, ``pipes`` is
what may follow `|`.
"""
