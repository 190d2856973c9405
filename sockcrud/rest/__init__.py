"""A request becomes an operation, a result becomes an answer, and a domain error this dialect's
error. No rules in here.
"""
