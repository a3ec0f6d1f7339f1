"""Metrics: figures of host, groups, service classes and servers, as columns; each described beside what gives it."""
