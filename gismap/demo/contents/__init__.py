"""What is on the land of a demo district: buildings, places, stations, supplies, staff and persons in care."""
