"""hpm's API, for the modules of this collection; and what differs between what is wanted and what is there."""

from __future__ import annotations

import json
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

BASE = "/zhpm/wsapi/v1"
CONNECTION = {
    "socket": {"type": "path", "default": "/run/hpm/hpm.sock"},
    "url": {"type": "str"},
    "token": {"type": "str", "no_log": True},
    "ca_path": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 30},
}
LEVELS = {"fastest": 90, "fast": 75, "moderate": 50, "slow": 30, "slowest": 10}


def module(**options):
    """An AnsibleModule with the connection's options and these."""
    return AnsibleModule(
        argument_spec={**CONNECTION, **options}, supports_check_mode=True, required_by={"url": ["token"]},
    )


class Hpm:
    """Requests of one module's run. What hpm refuses ends the run, with hpm's own sentence."""

    def __init__(self, module):
        self._module = module
        self._options = module.params

    def get(self, path, missing_ok=False, **query):
        """The answer; None where there is no such object, if that is fine."""
        return self._ask("GET", path + ("?" + urlencode(query) if query else ""), missing_ok=missing_ok)

    def post(self, path, body):
        """Change something; gives the answer."""
        return self._ask("POST", path, body)

    def delete(self, path):
        """Delete something."""
        self._ask("DELETE", path)

    def group(self, name):
        """A group by name or id, whole; None: there is none."""
        for group in self.get("/workload-resource-groups/detail")["workload-resource-groups"]:
            if name in (group["name"], group["object-id"]):
                return group
        return None

    def servers(self):
        """All virtual servers."""
        return self.get("/virtual-servers/detail")["virtual-servers"]

    def server(self, name):
        """A server by name or UUID; there must be one."""
        found = [one for one in self.servers() if name in (one["name"], one["object-id"])]
        if not found:
            self._module.fail_json(msg=f"there is no virtual server {name!r}")
        return found[0]

    def said_attributes(self, uuid):
        """The attributes of a server that were said, without those that hpm found out."""
        servers = self.get("/workload-resource-groups/export", format="json").get("virtual-servers", [])
        return next((one.get("attributes") or {} for one in servers if one["uuid"] == uuid), {})

    def _ask(self, method, path, body=None, missing_ok=False):
        options = self._options
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        where = {}
        if options["url"]:
            headers["Authorization"] = f"Bearer {options['token']}"
            where = {"validate_certs": options["validate_certs"], "ca_path": options["ca_path"]}
        else:
            where = {"unix_socket": options["socket"]}
        try:
            answer = open_url(
                (options["url"] or "http://hpm").rstrip("/") + BASE + path, method=method, headers=headers,
                data=None if body is None else json.dumps(body).encode(), timeout=options["timeout"],
                use_proxy=False, **where,
            )
            text = answer.read()
        except HTTPError as error:
            if error.code == 404 and missing_ok:
                return None
            self._module.fail_json(msg=_refusal(error), status=error.code)
        except (URLError, OSError) as error:
            self._module.fail_json(msg=f"hpm cannot be reached: {getattr(error, 'reason', error)}")
        return json.loads(text) if text else None


def _refusal(error):
    """What hpm says of a request that it refuses."""
    try:
        return json.loads(error.read())["message"]
    except (ValueError, KeyError):
        return f"hpm refused: {error.code} {error.reason}"


def part(name):
    """A name as a part of a path."""
    return quote(name, safe="")


def same(wanted, there):
    """Whether what is wanted is there. Of objects, what is not spoken of may be anything."""
    if isinstance(wanted, dict):
        if not isinstance(there, dict):
            return False
        return all(same(value, there.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(there, list) and len(wanted) == len(there) and all(map(same, wanted, there))
    if isinstance(wanted, (int, float)) and isinstance(there, (int, float)):
        return float(wanted) == float(there)
    return _plain(wanted) == _plain(there)


def _plain(value):
    """A velocity's level is its number."""
    return LEVELS.get(value, value) if isinstance(value, str) else value


def differing(wanted, there):
    """The fields of an object that are wanted otherwise than they are."""
    return {name: value for name, value in wanted.items() if not same(value, there.get(name))}


def shown(names, there):
    """For --diff: these fields as they are, as text."""
    return json.dumps({name: there.get(name) for name in names}, indent=1, sort_keys=True) + "\n" if there else ""
