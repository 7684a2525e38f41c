internal import SluiceStages

/// What every pruning with a mask can be asked for: that what is kept of a row makes up for what is not.
extension PruneMethod {
  /// The parameters of a compensation.
  static let compensation: [ParameterPath] = [
    \.compensation, \.sketchRank, \.ridge, \.seed,
  ]

  /// The passes before the merge.
  static let rowPasses: [PassRequest] = [
    .when({ $0.compensates }, .sketch), .when({ $0.compensates }, .directions),
    .when({ $0.compensates && $0.asksForShare }, .energies),
    .when({ $0.restoresNorms }, .rowNorms), .when({ $0.compensates }, .corrections),
  ]

  /// What makes up for what a mask removed of each row.
  ///
  /// The passes that find the numbers run the chain without it.
  static func makeUp(
    _ method: MethodParameters, _ inputs: ChainInputs
  ) -> [any DeltaTransform] {
    var stages: [any DeltaTransform] = []
    if method.compensates, let corrections = inputs.corrections, let found = inputs.directions {
      stages.append(CompensateStage(corrections, along: found))
    }
    if method.restoresNorms, let factors = inputs.rowFactors {
      stages.append(RowScaleStage(factors))
    }
    return stages
  }
}
