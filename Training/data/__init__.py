"""What a training sees: films and their landmarks, batches of them, and who is left out for testing."""
