"""The platform's operations that are not emulated yet: each answers 501 and names itself.

A service that gets emulated declares its operations in a folder of its own, and leaves this list.
"""

from __future__ import annotations

from abeja_emulator.wire.operations import Base, Evidence, Operation

SOURCE = "called by abeja-sdk or abejacli"

#: Under the name of its service: method, path and name of each operation.
_API = {
    "bucket": """
        POST /organizations/{organization_id}/buckets create_bucket
        GET /organizations/{organization_id}/buckets list_buckets
        GET /organizations/{organization_id}/buckets/{bucket_id} get_bucket
        PATCH /organizations/{organization_id}/buckets/{bucket_id} patch_bucket
        POST /organizations/{organization_id}/buckets/{bucket_id}/archive archive_bucket
        POST /organizations/{organization_id}/buckets/{bucket_id}/unarchive unarchive_bucket
        POST /organizations/{organization_id}/buckets/{bucket_id}/files upload_bucket_file
        GET /organizations/{organization_id}/buckets/{bucket_id}/files list_bucket_files
        GET /organizations/{organization_id}/buckets/{bucket_id}/files/{file_id} get_bucket_file
    """,
    "training": """
        POST /organizations/{organization_id}/training/definitions/{job_definition_name}/git/versions create_version_from_git
    """,
    "models": """
        GET /organizations/{organization_id}/training/definitions/{job_definition_name}/models get_training_models
        POST /organizations/{organization_id}/training/definitions/{job_definition_name}/models create_training_model
        GET /organizations/{organization_id}/training/definitions/{job_definition_name}/models/{model_id} get_training_model
        PATCH /organizations/{organization_id}/training/definitions/{job_definition_name}/models/{model_id} patch_training_model
        GET /organizations/{organization_id}/training/definitions/{job_definition_name}/models/{model_id}/download download_training_model
        POST /organizations/{organization_id}/training/definitions/{job_definition_name}/models/{model_id}/archive archive_training_model
        POST /organizations/{organization_id}/training/definitions/{job_definition_name}/models/{model_id}/unarchive unarchive_training_model
        POST /organizations/{organization_id}/models create_model
        GET /organizations/{organization_id}/models get_models
        GET /organizations/{organization_id}/models/{model_id} get_model
        DELETE /organizations/{organization_id}/models/{model_id} delete_model
        POST /organizations/{organization_id}/models/{model_id}/versions create_model_version
        GET /organizations/{organization_id}/models/{model_id}/versions get_model_versions
        GET /organizations/{organization_id}/models/{model_id}/versions/{version_id} get_model_version
        DELETE /organizations/{organization_id}/models/{model_id}/versions/{version_id} delete_model_version
        GET /organizations/{organization_id}/models/{model_id}/versions/{version_id}/source get_model_version_source
    """,
    "deployments": """
        POST /organizations/{organization_id}/models/{model_id}/deployments create_model_deployment
        POST /organizations/{organization_id}/deployments create_deployment
        GET /organizations/{organization_id}/deployments get_deployments
        GET /organizations/{organization_id}/deployments/{deployment_id} get_deployment
        PATCH /organizations/{organization_id}/deployments/{deployment_id} patch_deployment
        DELETE /organizations/{organization_id}/deployments/{deployment_id} delete_deployment
        POST /organizations/{organization_id}/deployments/{deployment_id}/versions create_deployment_version
        POST /organizations/{organization_id}/deployments/{deployment_id}/git/versions create_version_from_git
        POST /organizations/{organization_id}/deployments/{deployment_id}/code_templates create_deployment_from_template
        GET /organizations/{organization_id}/deployments/{deployment_id}/versions get_deployment_versions
        GET /organizations/{organization_id}/deployments/{deployment_id}/versions/{version_id} get_deployment_version
        DELETE /organizations/{organization_id}/deployments/{deployment_id}/versions/{version_id} delete_deployment_version
        GET /organizations/{organization_id}/deployments/{deployment_id}/versions/{version_id}/download download_deployment_version
    """,
    "notebook": """
        POST /organizations/{organization_id}/training/definitions/{job_definition_name}/notebooks create_notebook
        GET /organizations/{organization_id}/training/definitions/{job_definition_name}/notebooks get_notebooks
        GET /organizations/{organization_id}/training/definitions/{job_definition_name}/notebooks/{notebook_id} get_notebook
        PUT /organizations/{organization_id}/training/definitions/{job_definition_name}/notebooks/{notebook_id} update_notebook
        DELETE /organizations/{organization_id}/training/definitions/{job_definition_name}/notebooks/{notebook_id} delete_notebook
        POST /organizations/{organization_id}/training/definitions/{job_definition_name}/notebooks/{notebook_id}/start start_notebook
        POST /organizations/{organization_id}/training/definitions/{job_definition_name}/notebooks/{notebook_id}/stop stop_notebook
        GET /organizations/{organization_id}/training/definitions/{job_definition_name}/notebooks/{notebook_id}/recentlogs get_notebook_recent_logs
    """,
    "services": """
        POST /organizations/{organization_id}/deployments/{deployment_id}/services create_service
        GET /organizations/{organization_id}/deployments/{deployment_id}/services get_services
        GET /organizations/{organization_id}/deployments/{deployment_id}/services/{service_id} get_service
        PATCH /organizations/{organization_id}/deployments/{deployment_id}/services/{service_id} update_service
        DELETE /organizations/{organization_id}/deployments/{deployment_id}/services/{service_id} delete_service
        POST /organizations/{organization_id}/deployments/{deployment_id}/services/{service_id}/stop stop_service
        POST /organizations/{organization_id}/deployments/{deployment_id}/services/{service_id}/start start_service
        GET /organizations/{organization_id}/deployments/{deployment_id}/services/{service_id}/recentlogs get_service_recent_logs
        GET /organizations/{organization_id}/deployments/{deployment_id}/services/{service_id}/logs get_service_logs
        PUT /organizations/{organization_id}/deployments/{deployment_id}/results/{request_id} put_result
    """,
    "endpoints": """
        POST /organizations/{organization_id}/deployments/{deployment_id}/endpoints create_endpoint
        GET /organizations/{organization_id}/deployments/{deployment_id}/endpoints get_endpoints
        GET /organizations/{organization_id}/deployments/{deployment_id}/endpoints/{endpoint} get_endpoint
        PATCH /organizations/{organization_id}/deployments/{deployment_id}/endpoints/{endpoint} update_endpoint
        DELETE /organizations/{organization_id}/deployments/{deployment_id}/endpoints/{endpoint} delete_endpoint
    """,
    "runs": """
        POST /organizations/{organization_id}/deployments/{deployment_id}/runs create_run
        GET /organizations/{organization_id}/deployments/{deployment_id}/runs get_runs
        GET /organizations/{organization_id}/deployments/{deployment_id}/runs/{run_id} get_run
        GET /organizations/{organization_id}/deployments/{deployment_id}/runs/{run_id}/logs get_run_logs
        GET /organizations/{organization_id}/deployments/{deployment_id}/runs/{run_id}/recentlogs get_run_recent_logs
    """,
    "triggers": """
        POST /organizations/{organization_id}/deployments/{deployment_id}/triggers create_trigger
        GET /organizations/{organization_id}/deployments/{deployment_id}/triggers get_triggers
        GET /organizations/{organization_id}/deployments/{deployment_id}/triggers/{trigger_id} get_trigger
        DELETE /organizations/{organization_id}/deployments/{deployment_id}/triggers/{trigger_id} delete_trigger
        GET /organizations/{organization_id}/deployments/{deployment_id}/triggers/{trigger_id}/runs get_trigger_runs
    """,
    "registry": """
        POST /organizations/{organization_id}/registry/repositories create_repository
        GET /organizations/{organization_id}/registry/repositories get_repositories
        GET /organizations/{organization_id}/registry/repositories/{repository_id} get_repository
        DELETE /organizations/{organization_id}/registry/repositories/{repository_id} delete_repository
        GET /organizations/{organization_id}/registry/repositories/{repository_id}/tags get_repository_tags
    """,
    "security": """
        POST /organizations/{organization_id}/security/cidrs create_ip_address
        GET /organizations/{organization_id}/security/cidrs get_ip_addresses
        GET /organizations/{organization_id}/security/cidrs/{cidr_id} get_ip_address
        PATCH /organizations/{organization_id}/security/cidrs/{cidr_id} update_ip_address
        DELETE /organizations/{organization_id}/security/cidrs/{cidr_id} delete_ip_address
        POST /organizations/{organization_id}/security/cidrs/check check_ip_address
    """,
    "secrets": """
        GET /secret-manager/organizations/{organization_id}/secrets get_secrets
        GET /secret-manager/organizations/{organization_id}/secrets/{secret_id} get_secret
        POST /secret-manager/organizations/{organization_id}/secrets create_secret
        PATCH /secret-manager/organizations/{organization_id}/secrets/{secret_id} update_secret
        DELETE /secret-manager/organizations/{organization_id}/secrets/{secret_id} delete_secret
        GET /secret-manager/organizations/{organization_id}/secrets/{secret_id}/versions get_secret_versions
        GET /secret-manager/organizations/{organization_id}/secrets/{secret_id}/versions/{version_id} get_secret_version
        POST /secret-manager/organizations/{organization_id}/secrets/{secret_id}/versions create_secret_version
        PATCH /secret-manager/organizations/{organization_id}/secrets/{secret_id}/versions/{version_id} update_secret_version
        DELETE /secret-manager/organizations/{organization_id}/secrets/{secret_id}/versions/{version_id} delete_secret_version
    """,
    "labs": """
        GET /labs/organizations/{organization_id}/apps list_apps
        POST /labs/organizations/{organization_id}/apps create_app
        GET /labs/organizations/{organization_id}/apps/{labs_app_id} get_app
        PUT /labs/organizations/{organization_id}/apps/{labs_app_id} update_app
        DELETE /labs/organizations/{organization_id}/apps/{labs_app_id} delete_app
    """,
    "dx-templates": """
        POST /organizations/{organization_id}/dx-templates push_dx_template
    """,
    "opsbeellm": """
        GET /opsbee-llm/organizations/{organization_id}/datasets get_datasets
        POST /opsbee-llm/organizations/{organization_id}/datasets create_dataset
        GET /opsbee-llm/organizations/{organization_id}/datasets/{dataset_id} get_dataset
        PATCH /opsbee-llm/organizations/{organization_id}/datasets/{dataset_id} update_dataset
        DELETE /opsbee-llm/organizations/{organization_id}/datasets/{dataset_id} delete_dataset
        GET /opsbee-llm/organizations/{organization_id}/datasets/{dataset_id}/items get_dataset_items
        POST /opsbee-llm/organizations/{organization_id}/datasets/{dataset_id}/items create_dataset_item
        GET /opsbee-llm/organizations/{organization_id}/datasets/{dataset_id}/items/{item_id} get_dataset_item
        DELETE /opsbee-llm/organizations/{organization_id}/datasets/{dataset_id}/items/{item_id} delete_dataset_item
        GET /opsbee-llm/organizations/{organization_id}/deployments get_deployments
        POST /opsbee-llm/organizations/{organization_id}/deployments create_deployment
        GET /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id} get_deployment
        PATCH /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id} update_deployment
        DELETE /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id} delete_deployment
        GET /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/threads get_threads
        POST /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/threads create_thread
        GET /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/threads/{thread_id} get_thread
        PATCH /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/threads/{thread_id} update_thread
        DELETE /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/threads/{thread_id} delete_thread
        GET /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/qa_histories get_qa_histories
        POST /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/qa_histories create_qa_history
        GET /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/qa_histories/{history_id} get_qa_history
        PATCH /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/qa_histories/{history_id} update_qa_history
        DELETE /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/qa_histories/{history_id} delete_qa_history
        POST /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/qa_histories/{history_id}/metadata create_qa_history_metadata
        PATCH /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/qa_histories/{history_id}/metadata/{metadata_id} update_qa_history_metadata
        DELETE /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/qa_histories/{history_id}/metadata/{metadata_id} delete_qa_history_metadata
        GET /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/histories get_chat_histories
        POST /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/threads/{thread_id}/histories create_chat_history
        GET /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/threads/{thread_id}/histories/{history_id} get_chat_history
        PATCH /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/threads/{thread_id}/histories/{history_id} update_chat_history
        DELETE /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/threads/{thread_id}/histories/{history_id} delete_chat_history
        POST /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/threads/{thread_id}/histories/{history_id}/metadata create_chat_history_metadata
        PATCH /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/threads/{thread_id}/histories/{history_id}/metadata/{metadata_id} update_chat_history_metadata
        DELETE /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/threads/{thread_id}/histories/{history_id}/metadata/{metadata_id} delete_chat_history_metadata
        POST /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/qa_histories/datasets/{dataset_id}/items add_qa_histories_to_dataset
        POST /opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}/histories/datasets/{dataset_id}/items add_chat_histories_to_dataset
        GET /opsbee-llm/organizations/{organization_id}/tags get_tags
        POST /opsbee-llm/organizations/{organization_id}/tags create_tag
        GET /opsbee-llm/organizations/{organization_id}/tags/{tag_id} get_tag
        PATCH /opsbee-llm/organizations/{organization_id}/tags/{tag_id} update_tag
        DELETE /opsbee-llm/organizations/{organization_id}/tags/{tag_id} delete_tag
    """,
}

#: The same for `<organization>.api.abeja.io`.
_ORGANIZATION = {
    "services": """
        POST /deployments/{deployment_id}/services/{service_id} request_service
        POST /deployments/{deployment_id} request_deployment
    """,
}


def planned_operations() -> tuple[Operation, ...]:
    """Return those operations; none has a rule."""
    return (*_read(_API, Base.API), *_read(_ORGANIZATION, Base.ORGANIZATION))


def _read(tables: dict[str, str], base: Base) -> list[Operation]:
    return [
        Operation(
            name=f"{service}.{name}",
            method=method,
            path=path,
            base=base,
            evidence=Evidence.CLIENT,
            source=SOURCE,
            service=service,
        )
        for service, table in tables.items()
        for method, path, name in (line.split() for line in table.strip().splitlines())
    ]
