"""What a manager without network, and without the rights that PAM wants, has others do.

systemd starts a process for each connection to one of two sockets (`hpm-network.socket`, `hpm-passwords.socket`), which
belong to root alone. `network` and `passwords` are these processes: the connection is their standard input and output.
`asking` is the manager's side. What may be asked is typed and limited, and who asks is known by the kernel.

Without `--helpers` nobody is asked: the manager does all of it by itself, or by processes of its own.
"""
