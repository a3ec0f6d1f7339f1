"""Policy files: what administrators want, as text that can be kept under version control.

A file holds groups (all of a host's, or some) and what was said of virtual servers, or one policy; as JSON, in the
shape of the API, or as XML. Both say the same. `reading` and `writing` are for any file; `applying` puts one into a
catalog, and `difference` tells what that changes.
"""
