"""What each machine of a site gets, decided before anything is rendered. Pure."""
