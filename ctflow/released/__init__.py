"""The published weights of CTFlow: where they are (hub), what is known of them (recipes), into our layout (convert)."""
