"""The API against its own contract: requests made from the document, answers held against it."""
