"""What the pages of docs/guide show: one file a page, as a user would write it, without annotations."""
