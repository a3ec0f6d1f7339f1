"""What pollers have been told: `reported` says which figures are worth telling anew, `ledger` when servers changed."""
