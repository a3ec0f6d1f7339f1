"""What administrators want: groups, policies, service classes, goals, classification.

Pure values: no clock, no I/O. Every type here is a frozen msgspec struct whose JSON form (kebab-case)
is the form of the REST API and of the policy files.
"""
