"""What both stand-ins share: books, control API, rate limit, page, server."""
