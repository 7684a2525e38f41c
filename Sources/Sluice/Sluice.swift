// The library product: everything that a program which merges models needs.
@_exported public import SluiceArchitecture
@_exported public import SluiceCore
@_exported public import SluiceDataflow
@_exported public import SluiceFormats
@_exported public import SluiceKernels
@_exported public import SluiceMethods
@_exported public import SluicePlan
@_exported public import SluiceRun
@_exported public import SluiceRecipe
@_exported public import SluiceReport
@_exported public import SluiceSearch
@_exported public import SluiceStages
