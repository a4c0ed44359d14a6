"""Parts of mxwarden.conf that several test programs use."""

# Settings at their defaults, in seconds.
DEADLINE = 0.1
ANSWER_WITHIN = 0.5

# Far above what any load makes.
GENEROUS = """
[client_rate]
limit = 1000000
window = 1h
"""

HARVEST = """
[limit harvest]
key = client_address
stage = RCPT
count = distinct recipients
window = 1h
limit = 3
action = 450 4.7.1 Too many different recipients
"""
