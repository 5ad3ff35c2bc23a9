from .bundle import Exported as Exported, export_bundle as export_bundle, refuse_foreign as refuse_foreign
