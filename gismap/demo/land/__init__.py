"""The land of a demo district: streets, blocks and units, made from a sketch; what stands on it is `contents`."""
