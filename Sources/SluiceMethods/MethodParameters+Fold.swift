internal import SluiceCore

extension MethodParameters {
  /// The parameters with which the deltas of models are added to the base as they are.
  package static var plainSum: MethodParameters {
    var parameters = MethodParameters(pruningRate: .standard)
    parameters.pruning = Pruning(known: "none")
    parameters.merging = Merging(known: "sum")
    return parameters
  }
}
