"""What Parley is compared with: small and honest, written as their own documentation says."""
