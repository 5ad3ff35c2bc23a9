from .content import page_content as page_content
from .html import page_html as page_html, write_page as write_page
from .sources import SweepSource as SweepSource, source_of as source_of
