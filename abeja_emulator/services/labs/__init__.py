"""Apps of ABEJA Platform Labs."""
