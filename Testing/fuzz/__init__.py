"""Files changed at random, and what the library makes of them."""
