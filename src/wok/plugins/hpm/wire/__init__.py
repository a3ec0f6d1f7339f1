"""The words of the API on the wire: requests, answers and errors as types.

The server's `model` and `control` and the `client` share them, so that neither can drift.
"""
