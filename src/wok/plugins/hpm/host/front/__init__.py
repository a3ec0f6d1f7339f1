"""The web front: an unprivileged process between browsers and the manager.

It ends TLS, holds back clients that are slow, many or large, serves the pages, and passes requests of the API
on to the manager's socket with the address they came from. Who somebody is and what he may do is the manager's
business: the front has no rights on the host, the store or libvirt, and keeps nothing that passes through.

`process` is the front itself, `supervising` what starts it from `hpm serve`.
"""
