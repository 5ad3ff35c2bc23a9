from .content import page_content as page_content
from .html import page_html as page_html, write_page as write_page
from .kept_content import Sweeps as Sweeps
from .pictures import pictures_of as pictures_of, usual_places as usual_places
from .reading import EXPERIMENT as EXPERIMENT, read_sources as read_sources
from .server import serve as serve
from .sources import SweepSource as SweepSource, source_of as source_of
from .store_of_sweeps import StoreOfSweeps as StoreOfSweeps
from .stored import stored_source as stored_source
from .sweeps import FolderOfSweeps as FolderOfSweeps
