internal import SluiceCore
internal import SluiceMethods
internal import SluiceRecipe

extension MergeCommand {
  /// The recipe that the options describe.
  func recipe() throws -> MergeRecipe {
    var method = MethodParameters()
    var given = try pruning.apply(to: &method) + rates.apply(to: &method)
    given += try merging.apply(to: &method) + files.apply(to: &method)
    let rate = ParameterRow.at(\.pruningRate)
    if let density = inputs.density {
      guard !given.contains(where: { $0.name == rate.name }) else {
        throw UsageError("--density is 1 minus --pruning-rate: give one of them")
      }
      guard let rate = PruningRate(PruningRate.value(keeping: density)) else {
        throw UsageError("the density must lie above 0 and be at most 1; it is \(density)")
      }
      method.pruningRate = rate
      try MergeCommand.checkUse(of: .at(\.pruningRate), as: "--density", method)
    }
    for row in given { try MergeCommand.checkUse(of: row, as: row.flag, method) }
    var recipe = MergeRecipe(
      base: inputs.base, models: try inputs.fineTunedModels(), method: method)
    try methodFiles.apply(to: &recipe)
    if let path = inputs.amplifyFrom { try FoundFactors.apply(path, to: &recipe) }
    return recipe
  }

  /// Refuses an option that no method of the merge looks at: nobody gives it to be ignored.
  static func checkUse(
    of row: ParameterRow, as flag: String, _ method: MethodParameters
  ) throws(UsageError) {
    if row.name == ParameterRow.at(\.rates).name {
      if let fixed = method.pruning.row.fixedRates, fixed != method.rates {
        throw UsageError(
          "--prune \(method.pruning.rawValue) always has the rates \(fixed.rawValue)")
      }
    } else if let (owners, chosen) = method.strangers(to: row) {
      throw UsageError(
        "\(flag) belongs to \(owners), and this is \(chosen)", remedy: "Leave \(flag) out.")
    }
  }
}
