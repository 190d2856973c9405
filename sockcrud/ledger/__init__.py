"""Who still uses which wire, and how a wire is taken out of use: what is counted, and when it
pauses.
"""
