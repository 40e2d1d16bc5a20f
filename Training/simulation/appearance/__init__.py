"""From path lengths through a person to a film: contents of the body, exposure, lookup and objects on the film."""
