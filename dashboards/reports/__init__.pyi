from .publishing import publish_report as publish_report
from .reported_sweeps import ask as ask, launch as launch, resume as resume
from .summary import summary_markdown as summary_markdown
from .telling import tell_of_report as tell_of_report
