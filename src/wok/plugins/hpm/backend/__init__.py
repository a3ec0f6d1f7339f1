"""What touches the host: the `Hypervisor` protocol and its implementations (libvirt, simulated)."""
