"""All commands by noun: name, module, and what it does in one line.

The line is here and not taken from the command, so that `hpm --help` imports none of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A command: the function is `module`'s, its name with underscores."""

    name: str
    module: str
    summary: str


def _noun(module: str, **summaries: str) -> tuple[Entry, ...]:
    return tuple(Entry(name.replace("_", "-"), module, text) for name, text in summaries.items())


#: Heading in `hpm --help`, and the commands below it.
SECTIONS: dict[str, tuple[Entry, ...]] = {
    "Workload resource groups (the servers of one application)": _noun(
        "groups",
        wrg_list="List the groups and how they fare.",
        wrg_show="Show a group: its policies and its servers.",
        wrg_create="Create a group.",
        wrg_update="Change a group's name, partition or guest policy.",
        wrg_delete="Delete a group; its servers go to the group default.",
        wrg_add_vs="Put virtual servers in a group.",
        wrg_remove_vs="Take virtual servers out of a group.",
    ),
    "Performance policies (a group's goals; one of them is active)": _noun(
        "policies",
        policy_list="List a group's policies.",
        policy_show="Show a policy and its service classes.",
        policy_create="Create a policy for a group.",
        policy_update="Change a policy, or replace it from a file.",
        policy_delete="Delete a policy.",
        policy_activate="Make a policy the group's active one.",
    ) + _noun(
        "schedules",
        policy_schedule="Show or set on which days and hours policies are active.",
    ) + _noun(
        "revisions",
        policy_preview="Show what a policy would do if it were active now.",
        policy_revisions="List who changed a policy, and when.",
        policy_restore="Make a policy what it was before.",
    ) + _noun(
        "suggestions",
        policy_suggest="Suggest goals that a group has reached.",
    ),
    "Policy files (groups or a policy as text, JSON or XML)": _noun(
        "files",
        policy_export="Write all groups, one, or one policy, as a policy file.",
        policy_import="Read a policy file, show what changes, and do it.",
        policy_check="Check policy files, without a running hpm.",
    ),
    "Memory policies (the language of oVirt MOM)": _noun(
        "mom",
        mom_check="Check memory policies, without a running hpm.",
        mom_eval="Evaluate memory policies on given statistics.",
    ) + _noun(
        "mom_host",
        mom_list="List the memory policies.",
        mom_show="Print a memory policy.",
        mom_set="Add a memory policy, or replace its text.",
        mom_delete="Delete a memory policy.",
        mom_explain="Explain what memory policies set now, and why.",
    ) + _noun(
        "mom_import",
        mom_import="Take over what MOM's configuration file says.",
    ),
    "Service classes (which servers have which goal)": _noun(
        "classes",
        class_list="List a policy's service classes and how they fare.",
        class_show="Show a service class and its servers.",
        class_add="Add a service class to a policy.",
        class_update="Change a service class.",
        class_remove="Remove a service class from a policy.",
    ),
    "Virtual servers (libvirt domains)": _noun(
        "servers",
        vs_list="List the virtual servers and how they fare.",
        vs_show="Show a virtual server.",
        vs_update="Change group, limits or attributes of a server.",
        vs_boost="Give a server another goal for a while.",
        vs_release="Manage a server again that an administrator changed.",
        explain="Explain why a virtual server is where it is.",
    ) + _noun(
        "guest_policies",
        policy_of="Show the guest policy in force for a server.",
        vs_policy="Show or set what is said of a server itself.",
    ) + _noun(
        "details",
        vs_details="Show a server's devices, guest details and the like.",
    ),
    "Partitions (what holds for several virtual servers together)": _noun(
        "partitions",
        partition_list="List the partitions, as a tree.",
        partition_show="Show a partition: what is set, in force, and effective.",
        partition_define="Define a partition.",
        partition_create="Create a partition that is defined, or a transient one.",
        partition_update="Change a partition's parameters, or what is said of it.",
        partition_destroy="Remove an empty partition from the host.",
        partition_undefine="Forget the definition of a partition.",
    ),
    "Starting and stopping (in the order of dependencies)": _noun(
        "starts",
        vs_start="Start virtual servers, and before them what they need.",
        vs_stop="Stop virtual servers, those that need them first.",
        group_start="Start all servers of a group, in the order of needs.",
        group_stop="Stop all servers of a group, in the order of needs.",
        dependencies="Show which servers need which, and who is ready.",
        job_list="List the jobs that start or stop servers.",
        job_show="Show how a job stands.",
        job_cancel="Cancel a job.",
    ),
    "What hpm may do, and did": (
        *_noun("top", top="Watch how the virtual servers fare, live."),
        *_noun(
            "management",
            config="Show or set the management levels.",
            settings="Show or change what can be set for hpm as a whole.",
            dra_list="List the adjustments that hpm made or advises.",
        ),
        *_noun("notifications", notifications="Show, set or test who is told of goals that are missed."),
        *_noun("events", events="Print what changes, as it happens."),
        *_noun("management", version="Show versions and abilities of hpm and of the host."),
    ),
    "Figures (of the host, of groups and classes, of virtual servers)": _noun(
        "metrics",
        metrics_hypervisor="Show the host's metrics.",
        metrics_wrg="Show metrics of groups and their service classes.",
        metrics_vs="Show metrics of virtual servers.",
        metrics_history="Show the size of the history, and how far it reaches.",
    ),
    "What would happen": _noun(
        "simulations",
        simulate="Simulate what policies would do.",
    ),
    "Who may do what, and did": (
        *_noun(
            "tokens",
            token_create="Create a token for a program.",
            token_list="List tokens.",
            token_revoke="Revoke a token.",
        ),
        *_noun("activity", activity_list="List who changed what, or tried to."),
    ),
    "On this host": _noun(
        "local",
        serve="Run hpm: watch the host, manage it, answer requests.",
        web="Run the web front alone, beside 'hpm serve --no-web'.",
        config_check="Check the configuration file, without a running hpm.",
        helper="Do one thing for a manager that is kept from it.",
        restore="Put back the values found at the start (offline).",
        backup_list="List the backups of groups, policies and journal.",
        backup_use="Go back to a backup (offline).",
    ) + _noun(
        "hooks",
        hooks_install="Have libvirt ask hpm before guests start.",
        hooks_remove="Have libvirt ask hpm no longer.",
    ) + _noun(
        "doctor",
        doctor="Find out what does not work here, and how to mend it.",
        report="Write an archive for a bug report, without secrets.",
    ),
    "This command line": _noun(
        "helping",
        help="Tell about a command, or list commands.",
        completion="Print a shell's completion of commands and names.",
    ),
}

COMMANDS: dict[str, Entry] = {entry.name: entry for entries in SECTIONS.values() for entry in entries}
