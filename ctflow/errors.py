"""What can go wrong, in words a user can act on: what was given, what was expected, what to do."""


class CTFlowError(Exception):
    """The parent of every error whose cause is the input or the machine, not a bug of ours."""


class RequestError(CTFlowError):
    """A request that cannot be carried out as it stands."""


class CheckpointError(CTFlowError):
    """A checkpoint folder that is missing, incomplete or contradicts itself."""


class DatasetError(CTFlowError):
    """A prepared data set that is missing, incomplete, damaged or another one than was expected."""


class VolumeError(CTFlowError):
    """A volume that cannot be made, read or written."""


class ShortVolumeError(VolumeError):
    """A volume that ended before there was enough of it."""


class ResourceError(CTFlowError):
    """Something that this machine does not have: a GPU, memory, a package."""
