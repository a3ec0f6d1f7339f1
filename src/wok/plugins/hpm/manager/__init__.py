"""The loop: observe, plan, apply, record; with the journal, and restoring what was there before."""
