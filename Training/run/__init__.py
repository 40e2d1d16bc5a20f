"""One training: session, schedule, ranks, checkpoints and logs."""
