internal import SluiceMethods
internal import SluiceRecipe

/// What a lane holds for the stages of a chain that look at rows: what passes found of the rows of a strip.
struct ChainBytes: Sendable {
  private let rowCuts: Bool
  private let bandPartitions: Int
  private let rowFactors: Bool

  init(_ inputs: PassInputs) {
    let passes = inputs.recipe.method.passes
    rowCuts = passes.contains(.rowCuts)
    bandPartitions = passes.contains(.rowBands) ? inputs.settings.partitionCount : 0
    rowFactors = passes.contains(.rowNorms)
  }

  /// The number of bytes.
  func count(_ sizes: PassSizes) -> Int {
    (rowCuts ? RowCutsPass.stripBytes(sizes) : 0)
      + RowBandsPass.stripBytes(sizes, partitionCount: bandPartitions)
      + (rowFactors ? RowNumberStore.stripBytes(sizes, width: 1) : 0)
  }
}
