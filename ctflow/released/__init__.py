"""The published weights of CTFlow: where they are (hub), what is known of them (specs), into our layout (convert)."""
