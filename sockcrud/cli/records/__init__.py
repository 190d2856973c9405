"""The verbs that commands have for a kind of record: what they take and show follows from its
declaration.
"""
