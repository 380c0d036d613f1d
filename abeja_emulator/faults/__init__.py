"""Platform failures on purpose: what (`effects`), when (`moments`), where (`places`), together (`fault`, `plan`)."""
