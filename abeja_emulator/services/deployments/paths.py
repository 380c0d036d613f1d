"""Paths of deployments, below the origin of the platform."""

DEPLOYMENTS = "/organizations/{organization_id}/deployments"
DEPLOYMENT = DEPLOYMENTS + "/{deployment_id}"
VERSIONS = DEPLOYMENT + "/versions"
VERSION = VERSIONS + "/{version_id}"
SIGNED = "/_signed/deployments/{deployment_id}/{version_id}/source.tgz"
