"""Partitions on a host: plain cgroup directories (v1 and v2), or slices of systemd. What a partition is, and what its
parameters mean, is said in `policy.partitions`; each module here knows one kind of host. Nothing is ever changed
outside libvirt's root partition.
"""
