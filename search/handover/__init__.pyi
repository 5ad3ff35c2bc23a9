from .exporting import export_file as export_file, export_winner as export_winner, images_for as images_for
from .publishing import Published as Published, publish as publish, run_of as run_of
from .winner import Winner as Winner
