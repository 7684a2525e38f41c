package import SluiceKernels

/// What the models of a layer are blended by.
package struct LayerBlend: Sendable {
  /// The directions that they share.
  package let directions: Directions
  /// For each model what turns a row's products with the directions into weights of these, row after row; nil of
  /// models that do not change the layer.
  package let factors: [[Double]?]
  /// Of each direction that rows are compensated along its weights of the shared ones; none if they are not.
  package let strongest: [Double]

  /// Collects what there is.
  package init(_ directions: Directions, factors: [[Double]?], strongest: [Double] = []) {
    self.directions = directions
    self.factors = factors
    self.strongest = strongest
  }
}

/// The products of rows with directions.
package struct BlendRows: Sendable {
  /// The number of the first row.
  package let firstRow: Int
  /// How many numbers a row has.
  package let stride: Int
  /// The numbers of each row from that one on.
  package let values: [Float]

  /// Collects numbers.
  package init(firstRow: Int, stride: Int, values: [Float]) {
    self.firstRow = firstRow
    self.stride = stride
    self.values = values
  }
}

/// Knows what the models' deltas of linear layers are blended with.
package protocol BlendSource: Sendable {
  /// What a layer's models are blended by.
  func layerBlend(of task: TensorTask, kernels: Kernels) throws -> LayerBlend
  /// The products of a model's rows with the directions.
  func projections(ofRows rows: Range<Int>, task: TensorTask, model: Int) throws -> BlendRows
  /// The rows that a strip touches.
  func rows(of strip: Strip) -> Range<Int>
  /// Where a model's rows are cut once they are blended.
  func cuts(of strip: Strip, model: Int) throws -> RowNumbers
}

/// Blends rows of a layer, in one lane: finds the weights of directions, and adds these to the mean.
///
/// Weights are sums of products in Float32, in the order of directions, and of models; `OwnBlend` has the formula.
@safe package final class BlendLane {
  private let source: any BlendSource
  private let kernels: Kernels
  private let modelCount: Int
  private var layer = LayerBlend(.none, factors: [])
  private var panels: [[Float]] = []
  /// The directions that rows are compensated along, if they are.
  package private(set) var strongest = Directions.none
  private var ordinal: Int?
  private var firstRow = 0
  /// The weights of all models' sum in the first place, or of each model's own.
  private var weights: [[Float]]
  private let shares: AlignedBuffer<Double>

  /// Makes a lane.
  package init(_ source: any BlendSource, modelCount: Int, kernels: Kernels) {
    self.source = source
    self.modelCount = modelCount
    self.kernels = kernels
    weights = Array(repeating: [], count: max(modelCount, 1))
    shares = AlignedBuffer(count: max(modelCount, 1), fill: 0)
  }

  /// The bytes that it holds beside what the source reads.
  package static func byteCount(modelCount: Int, width: Int) -> Int {
    4 * modelCount * FactorProduct.panelElements(rank: width, columns: width) + 8 * width
  }

  /// Prepares for a layer.
  ///
  /// - Parameters:
  ///   - task: The layer.
  ///   - factors: What each model's blended deltas are multiplied by; 1 if nil.
  /// - Throws: What keeps the source from being read.
  package func begin(_ task: TensorTask, factors: [Double]? = nil) throws {
    guard ordinal != task.ordinal else { return }
    ordinal = nil
    (layer, panels, strongest) = (LayerBlend(.none, factors: []), [], .none)
    layer = try source.layerBlend(of: task, kernels: kernels)
    strongest = layer.directions.combined(layer.strongest, kernels: kernels)
    let count = Double(max(1, layer.factors.count { $0 != nil }))
    panels = layer.factors.enumerated().map { model, factor -> [Float] in
      let weight = factors?[model] ?? 1
      // SAFETY: there is a number for each model.
      unsafe shares.pointer[model] = factor == nil ? 0 : weight / count
      return factor.map { placed($0, times: weight) } ?? []
    }
    ordinal = task.ordinal
  }

  private func placed(_ factor: [Double], times weight: Double) -> [Float] {
    let width = layer.directions.width
    var found = [Float](
      repeating: 0, count: FactorProduct.panelElements(rank: width, columns: width))
    let rows = factor.map { Float(weight * $0) }
    unsafe found.withUnsafeMutableBufferPointer { found in
      unsafe rows.withUnsafeBufferPointer { rows in
        guard let found = found.baseAddress, let rows = rows.baseAddress else { return }
        for row in 0..<width {
          // SAFETY: there are as many rows as directions.
          unsafe Kernels.place(
            rows + row * width, columns: 0..<width, position: row, rank: width, into: found)
        }
      }
    }
    return found
  }

  /// Whether a model changes the layer.
  package func isPresent(_ model: Int) -> Bool { layer.factors[model] != nil }

  /// Finds the weights of rows: of a model, or of all together.
  package func prepare(_ rows: Range<Int>, of task: TensorTask, model: Int? = nil) throws {
    firstRow = rows.lowerBound
    weights[model ?? 0] = []
    let width = layer.directions.width
    guard width > 0, !rows.isEmpty else { return }
    var found = [Float](repeating: 0, count: rows.count * width)
    var continues = false
    for model in model.map({ $0..<$0 + 1 }) ?? 0..<modelCount where isPresent(model) {
      let own = try source.projections(ofRows: rows, task: task, model: model)
      unsafe found.withUnsafeMutableBufferPointer { found in
        unsafe own.values.withUnsafeBufferPointer { values in
          unsafe panels[model].withUnsafeBufferPointer { panels in
            guard let values = values.baseAddress, let panels = panels.baseAddress,
              let found = found.baseAddress
            else { return }
            // SAFETY: there are products of all rows with all directions.
            var product = unsafe FactorProduct(
              left: values, leftStride: own.stride, panels: panels, rank: width, rows: rows.count,
              columns: 0..<width, out: found, outStride: width)
            product.continues = continues
            kernels.multiply(product)
          }
        }
      }
      continues = true
    }
    weights[model ?? 0] = found
  }

  /// The sum of all models' elements, blended, for which `prepare` found weights.
  package func blend(
    _ deltas: UnsafePointer<UnsafePointer<Float>>, elements: Range<Int>,
    into out: UnsafeMutablePointer<Float>
  ) {
    let continues = unsafe addDirections(weights[0], elements, into: out)
    // SAFETY: the caller guarantees all elements of each model.
    unsafe kernels.blend(
      deltas, shares: shares.pointer, modelCount: modelCount, from: 0, count: elements.count,
      into: out, continues: continues)
  }

  /// A model's elements, blended.
  package func blend(
    _ deltas: UnsafePointer<Float>, model: Int, elements: Range<Int>,
    into out: UnsafeMutablePointer<Float>
  ) {
    let continues = unsafe addDirections(weights[model], elements, into: out)
    var run = unsafe deltas
    // SAFETY: as above.
    unsafe withUnsafePointer(to: &run) {
      unsafe kernels.blend(
        $0, shares: shares.pointer + model, modelCount: 1, from: 0, count: elements.count,
        into: out, continues: continues)
    }
  }

  private func addDirections(
    _ weights: [Float], _ elements: Range<Int>, into out: UnsafeMutablePointer<Float>
  ) -> Bool {
    let directions = layer.directions
    guard directions.width > 0, !weights.isEmpty else { return false }
    unsafe weights.withUnsafeBufferPointer { weights in
      guard let weights = weights.baseAddress else { return }
      unsafe directions.add(
        weights: weights, stride: directions.width, firstRow: firstRow, elements: elements,
        kernels: kernels, into: out)
    }
    return true
  }
}
