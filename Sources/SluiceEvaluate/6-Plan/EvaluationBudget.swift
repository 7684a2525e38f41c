package import SluiceCore

/// How a memory budget is shared between computing models and merging those that are recipes.
package struct EvaluationBudget: Sendable {
  /// What is computed with.
  package let computing: ByteCount
  /// What a merge may take; merges are never at work at once.
  package let merging: ByteCount
  /// What recipes read together, kept until all have had it.
  package let sharing: ByteCount

  /// Shares a budget.
  ///
  /// - Parameters:
  ///   - whole: The budget.
  ///   - recipeCount: How many of the models are merged while they are computed.
  package init(_ whole: ByteCount, recipeCount: Int) {
    let quarter = whole.bytes / 4
    merging = ByteCount(recipeCount > 0 ? quarter : 0)
    sharing = ByteCount(recipeCount > 1 ? quarter : 0)
    computing = ByteCount(whole.bytes - merging.bytes - sharing.bytes)
  }

  /// The whole budget of which so many bytes would be computed with.
  func whole(_ computing: Int) -> Int {
    merging.bytes == 0 ? computing : sharing.bytes == 0 ? (computing * 4 + 2) / 3 : computing * 2
  }
}
