"""From a trained run to the model folder that ships."""
