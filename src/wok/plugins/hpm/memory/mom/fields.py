"""The statistics that policies know, by MOM's names; sizes are kB unless docs/mom-language.md says otherwise.

A field of these that a sample does not have is missing; any other name is a mistake.
"""

from __future__ import annotations

HOST_FIELDS = frozenset((
    "mem_available", "mem_unused", "mem_free", "anon_pages", "swap_total", "swap_usage", "swap_in", "swap_out",
    "ksm_run", "ksm_sleep_millisecs", "ksm_pages_shared", "ksm_pages_sharing", "ksm_pages_unshared",
    "ksm_pages_to_scan", "ksm_pages_volatile", "ksm_full_scans", "ksm_merge_across_nodes", "ksm_shareable",
    "ksmd_cpu_usage", "cpu_count", "time_year", "time_month", "time_day", "time_hour", "time_minute", "time_second",
    "time_microsecond",
))  # fmt: skip

GUEST_FIELDS = frozenset((
    "mem_available", "mem_unused", "major_fault", "minor_fault", "swap_in", "swap_out", "swap_total", "swap_usage",
    "balloon_cur", "balloon_max", "balloon_min", "libvirt_curmem", "libvirt_maxmem", "vcpu_quota", "vcpu_period",
    "vcpu_user_limit", "vcpu_count", "io_tune", "io_tune_current", "host_minor_faults", "host_major_faults", "rss",
))  # fmt: skip
