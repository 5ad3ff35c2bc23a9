from .examination import examine as examine
from .findings import Diagnosis as Diagnosis, Finding as Finding, Level as Level, NodeFindings as NodeFindings
