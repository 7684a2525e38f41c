extension MethodParameters {
  /// The parameters with which the deltas of models are added to the base as they are.
  package static var plainSum: MethodParameters {
    var parameters = MethodParameters()
    parameters.pruning = .none
    parameters.merging = .sum
    return parameters
  }
}
