"""The systems that come with sockcrud, a folder each. They are apps like any other: the core knows
none of them.
"""
