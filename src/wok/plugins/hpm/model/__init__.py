"""What one request does, in the words of the API, and no HTTP.

Writes go through `Manager.change`: checked whole, then committed. Reads are answered from the
manager's snapshot, never by asking the hypervisor.
"""
