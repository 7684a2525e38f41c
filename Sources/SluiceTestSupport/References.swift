// Tests that are supported see the references, too.
@_exported public import SluiceReferences
