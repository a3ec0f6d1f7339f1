"""Options that all modules have."""


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  socket:
    description: The local socket of hpm on the host where the module runs. Not with O(url).
    type: path
    default: /run/hpm/hpm.sock
  url:
    description: Where hpm's web front is, such as V(https://kvm7.example:8643). Takes O(token).
    type: str
  token:
    description: A token of hpm's (C(hpm token-create)), whose owner may write.
    type: str
  ca_path:
    description: The file with the certificate that the web front is trusted by, such as its own.
    type: path
  validate_certs:
    description: Whether the web front's certificate must be trusted.
    type: bool
    default: true
  timeout:
    description: Seconds that hpm may take for an answer.
    type: int
    default: 30
author:
  - the authors of hpm
"""
