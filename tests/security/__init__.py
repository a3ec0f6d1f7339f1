"""What adversaries try, threat by threat; docs/security.md says which test stands for which threat."""
