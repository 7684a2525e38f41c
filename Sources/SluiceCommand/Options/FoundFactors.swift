internal import SluiceCore
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRun
internal import SluiceRecipe
internal import SluiceSearch

/// The factors that a search found, as a merge takes them.
enum FoundFactors {
  /// Fills factors into a recipe.
  static func apply(_ path: String, to recipe: inout MergeRecipe) throws {
    let result = try SearchResult.read(path)
    for index in recipe.models.indices {
      let name = recipe.models[index].name
      guard let found = result.models.first(where: { $0.name == name }) else {
        let known = result.models.map(\.name).joined(separator: ", ")
        throw UsageError(
          "--amplify-from \(path): it has no factors for model \(name)",
          remedy: "It has those of: \(known).")
      }
      guard recipe.models[index].amplification.isEmpty else {
        throw UsageError("--amplify and --amplify-from both have factors for model \(name)")
      }
      let rates = recipe.method.partitionRates.map(\.value)
      guard result.prune == recipe.method.pruning.rawValue else {
        throw UsageError(
          "--amplify-from \(path): its factors were found for the pruning \(result.prune), and this "
            + "is \(recipe.method.pruning.rawValue)",
          remedy: "Give --prune \(result.prune), or the factors with --amplify.")
      }
      guard rates == found.partitionRates else {
        let list = found.partitionRates.map { "\($0)" }.joined(separator: ", ")
        throw UsageError(
          "--amplify-from \(path): its factors were found for the partitions \(list), and here they "
            + "are \(rates.map { "\($0)" }.joined(separator: ", "))",
          remedy: "Give the same --pruning-rate and --partition-width, or factors with --amplify.")
      }
      recipe.models[index].amplification = found.factors.values
    }
  }
}
