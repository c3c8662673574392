"""What runs inside a worker process: the only modules that may import neonize."""
