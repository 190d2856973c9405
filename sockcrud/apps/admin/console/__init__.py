"""The console: a page for admins at `/` of the admin port. The page itself is in `static`."""
