"""Every client writes, every client reads, and all of them have to agree. See README.md."""
