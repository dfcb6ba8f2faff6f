"""The API's OpenAPI document, built ahead so that answering with it costs no cold start."""
