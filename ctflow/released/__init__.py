"""The published weights: where they are (hub), what is known of them (specs), and how they become ours (convert)."""
