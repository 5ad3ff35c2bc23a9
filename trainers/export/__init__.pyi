from .bundle import (
    FILES as FILES,
    PROOF as PROOF,
    Exported as Exported,
    export_bundle as export_bundle,
    put_in_place as put_in_place,
    refuse_foreign as refuse_foreign,
)
