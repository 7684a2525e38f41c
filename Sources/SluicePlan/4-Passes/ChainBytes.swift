internal import SluiceMethods
internal import SluiceRecipe

/// What a lane holds for the stages of a chain that look at rows: what passes found of the rows of a strip.
struct ChainBytes: Sendable {
  private let rowCuts: Bool
  private let bandPartitions: Int
  private let rowFactors: Bool
  private let directions: SketchSize?
  private let blend: BlendSize?

  init(_ inputs: PassInputs) {
    let passes = inputs.recipe.method.passes
    rowCuts = passes.contains(.rowCuts)
    bandPartitions = passes.contains(.rowBands) ? inputs.settings.partitionCount : 0
    rowFactors = passes.contains(.rowNorms)
    directions = passes.contains(.corrections) ? inputs.sketchSize : nil
    blend = passes.contains(.jointRows) ? inputs.blendSize : nil
  }

  /// The number of bytes.
  func count(_ sizes: PassSizes) -> Int {
    let own = directions.map { size in
      RowNumberStore.stripBytes(sizes, width: size.rank)
        + sizes.modelCount * SketchStore.directionBytes(sizes.tasks, size: size)
    }
    return (rowCuts ? RowCutsPass.stripBytes(sizes) : 0)
      + RowBandsPass.stripBytes(sizes, partitionCount: bandPartitions)
      + (rowFactors ? RowNumberStore.stripBytes(sizes, width: 1) : 0) + (own ?? 0)
      + (blend.map { BlendStore.laneBytes(sizes, $0) } ?? 0)
  }
}
