"""Paths of the datalake, below the origin of the platform."""

CHANNELS = "/organizations/{organization_id}/channels"
CHANNEL = CHANNELS + "/{channel_id}"
DATASOURCES = CHANNEL + "/datasources"
DATASOURCE = DATASOURCES + "/{datasource_id}"
FILES = "/channels/{channel_id}"
FILE = FILES + "/{file_id}"
SIGNED = "/_signed/files/{channel_id}/{file_id}"
