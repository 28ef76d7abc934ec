"""Reading what runs logged: histories as bands, and event files, also those of other programs."""
