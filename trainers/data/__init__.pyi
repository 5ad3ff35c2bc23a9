from .augmentation import mixed as mixed
from .dataset import (
    Dataset as Dataset,
    Part as Part,
    load_dataset as load_dataset,
    stratified as stratified,
    usual_resize as usual_resize,
)
from .decoding import prepare as prepare, read_image as read_image
from .folder import images_below as images_below
from .images import Images as Images, bytes_on as bytes_on
from .names import DATA_SETS as DATA_SETS, data_set_called as data_set_called, known_name as known_name
from .outlook import Outlook as Outlook, outlook_of as outlook_of
from .pixels import Picture as Picture, Resize as Resize
from .report import data_report as data_report
from .sources import Source as Source, files_of as files_of
from .streaming import Pictures as Pictures, Streamed as Streamed
