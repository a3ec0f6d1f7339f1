"""What must survive: one SQLite file with the catalog, the journal of changes, and the adjustments."""
