"""Starting and stopping virtual servers in the order of their dependencies: jobs, readiness, run windows, and what
libvirt's hook asks."""
