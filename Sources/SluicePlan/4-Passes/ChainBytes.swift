internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

/// What a lane holds for the stages of a chain that look at rows: what passes found of the rows of a strip.
struct ChainBytes: Sendable {
  private let rowCuts: Bool
  private let bandPartitions: Int
  private let rowFactors: Bool
  private let directions: SketchSize?
  private let blend: SketchSize?

  init(_ inputs: PassInputs) {
    let passes = inputs.recipe.method.passes
    rowCuts = passes.contains(.rowCuts)
    bandPartitions = passes.contains(.rowBands) ? inputs.settings.partitionCount : 0
    rowFactors = passes.contains(.rowNorms)
    directions = passes.contains(.corrections) ? inputs.sketchSize : nil
    blend = passes.contains(.jointRows) ? inputs.sketchSize : nil
  }

  /// Whether tiles are grains, so that several rows are worked on together.
  var usesGrains: Bool { directions != nil || blend != nil }

  /// The number of bytes.
  func count(_ sizes: PassSizes) -> Int {
    let own = directions.map { size in
      // Rows' weights, as they are read and in Float32.
      RowNumberStore.stripBytes(sizes, width: size.rank) * 3 / 2
        + sizes.modelCount
        * (8 * size.mostPanelNumbers(sizes.tasks) + 4 * Granularity.grainElements)
    }
    return (rowCuts ? RowCutsPass.stripBytes(sizes) : 0)
      + RowBandsPass.stripBytes(sizes, partitionCount: bandPartitions)
      + (rowFactors ? RowNumberStore.stripBytes(sizes, width: 1) : 0) + (own ?? 0)
      + (blend.map { BlendStore.laneBytes(sizes, $0) } ?? 0)
  }
}
