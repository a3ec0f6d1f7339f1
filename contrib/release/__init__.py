"""What a release is made of: its parts by name, version, hash and licence, and whether the registries warn of one."""
