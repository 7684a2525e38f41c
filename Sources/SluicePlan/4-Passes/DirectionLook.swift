internal import SluiceKernels
internal import SluiceStages

/// Looks at the directions of a family's deltas: the passes, and what follows from what they leave.
package struct DirectionLook: Sendable {
  private let size: SketchSize
  private let sketch: SketchPass
  private let directions: DirectionsPass
  private let overlap: OverlapPass

  /// Prepares the passes.
  ///
  /// - Parameters:
  ///   - modelCount: The number of models.
  ///   - seed: What signs are drawn from.
  package init(modelCount: Int, seed: UInt64 = 0) {
    size = SketchSize(
      rank: FamilyDirections.ranks.max() ?? 1, share: nil, isJoint: false,
      modelCount: modelCount, compensatesBlends: false)
    sketch = SketchPass(size, seed: seed)
    directions = DirectionsPass(size, seed: seed)
    overlap = OverlapPass(size)
  }

  /// The passes, in order.
  package var passes: [any TensorPass] { [sketch, directions, overlap] }

  /// Does the passes, and reckons.
  ///
  /// - Parameter executor: What executes them.
  /// - Returns: What the directions say.
  /// - Throws: What keeps models from being read, or files from being written.
  package func look(_ executor: any PassExecutor) throws -> FamilyDirections {
    let plan = executor.plan
    let sketches = try sketch.sums(executor)
    let found = try directions.directions(executor, in: sketches)
    let overlaps = try overlap.overlaps(executor, found)
    let layers = try plan.linearTasks.filter { $0.columnCount > 0 && $0.baseRowCount > 0 }.map {
      try layer($0, plan.modelCount, found, overlaps, executor.kernels)
    }
    return FamilyDirections(models: plan.modelNames, layers: layers)
  }

  private func layer(
    _ task: TensorTask, _ modelCount: Int, _ found: DirectionStore, _ overlaps: OverlapStore,
    _ kernels: Kernels
  ) throws -> FamilyDirections.Layer {
    let counts = FamilyDirections.ranks.map { min($0, size.width(task)) }
    let zeros = counts.map { _ in 0.0 }
    let directions = try (0..<modelCount).map { try found.directions(of: task, model: $0) }
    var squares = [Double](repeating: 0, count: modelCount)
    var held = [[[Double]]](
      repeating: [[Double]](repeating: zeros, count: modelCount), count: modelCount)
    for model in 0..<modelCount where directions[model].width > 0 {
      let numbers = try overlaps.numbers(of: task, model: model)
      squares[model] = numbers.squares
      held[model] = numbers.held.map { each in counts.map { each[..<$0].reduce(0, +) } }
    }
    var cosines = held.map { $0.map { _ in zeros } }
    for model in 0..<modelCount where directions[model].width > 0 {
      for other in 0...model where directions[other].width > 0 {
        cosines[model][other] = DirectionLook.cosines(
          directions[model], directions[other], counts, kernels)
        cosines[other][model] = cosines[model][other]
      }
    }
    return FamilyDirections.Layer(
      name: task.name, inputCount: task.columnCount, outputCount: task.baseRowCount, counts: counts,
      energies: directions.map { $0.energies.first ?? 0 }, squares: squares, held: held,
      cosines: cosines)
  }

  /// The sums of squared cosines between the first directions of two models.
  private static func cosines(
    _ first: Directions, _ second: Directions, _ counts: [Int], _ kernels: Kernels
  ) -> [Double] {
    let (rows, panels, width) = (first.basisRows(kernels), second.basis(kernels), second.width)
    var products = [Double](repeating: 0, count: first.width * width)
    unsafe rows.withUnsafeBufferPointer { rows in
      unsafe panels.withUnsafeBufferPointer { panels in
        unsafe products.withUnsafeMutableBufferPointer { products in
          guard let rows = rows.baseAddress, let panels = panels.baseAddress,
            let products = products.baseAddress
          else { return }
          // SAFETY: both have as many inputs, and there is a product for each pair.
          unsafe kernels.project(
            rows, rowCount: first.width, count: first.columnCount, on: panels, width: width,
            to: products)
        }
      }
    }
    return counts.map { count in
      var sum = 0.0
      for row in 0..<count {
        for column in 0..<count {
          let product = products[row * width + column]
          sum += product * product
        }
      }
      return sum
    }
  }
}
