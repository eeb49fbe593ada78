"""Questions about volumes, asked of any `VolumeGenerator`: what a sentence did, what a seed changes, what is found."""
