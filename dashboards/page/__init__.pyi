from .content import page_content as page_content
from .html import page_html as page_html, write_page as write_page
from .pictures import pictures_of as pictures_of, usual_places as usual_places
from .server import is_loopback as is_loopback, serve as serve
from .sources import SweepSource as SweepSource, read_sources as read_sources, source_of as source_of
from .sweeps import FolderOfSweeps as FolderOfSweeps
