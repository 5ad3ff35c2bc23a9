from .head import Head as Head, Job as Job
from .output import Bundle as Bundle, Output as Output
from .parcel import Parcel as Parcel, pack as pack
from .sending import Request as Request, finish as finish, start as start
