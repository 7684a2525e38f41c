package import SluiceKernels

/// The cuts of all linear layers: what the barrier between the passes leaves to the mask.
///
/// They lie one after the other in few lists, since there may be ten thousands.
package struct CutTable: CutSource {
  /// The number of partitions.
  package let partitionCount: Int
  private let modelCount: Int
  private let places: TaskPlaces
  /// The most cuts of a layer, for as many of which each has room.
  private let room: Int
  /// Layer by layer for each model, how many rates and cuts there are; nil before they are known.
  private var counts: [(rates: Int32, cuts: Int32)?]
  private var rates: [Double]
  private var cuts: [Cut]
  /// Of tensors of several strips, how many elements of earlier strips equal each threshold.
  private var tiesBefore: [Int: [[Int]]] = [:]

  /// Makes a table that knows nothing yet of its layers.
  ///
  /// - Parameters:
  ///   - partitionCount: The number of partitions.
  ///   - ordinals: The ordinals of the linear layers' tasks.
  ///   - modelCount: The number of models.
  ///   - room: The most cuts of a layer.
  package init(
    partitionCount: Int, of ordinals: [Int] = [], modelCount: Int = 0, room: Int = 0
  ) {
    (self.partitionCount, self.modelCount, self.room) = (partitionCount, modelCount, room)
    places = TaskPlaces(ordinals)
    counts = Array(repeating: nil, count: ordinals.count * modelCount)
    rates = Array(repeating: 0, count: counts.count * room)
    cuts = Array(repeating: .none, count: counts.count * room)
  }

  /// Takes the cuts of a layer.
  ///
  /// - Parameters:
  ///   - layer: The cuts.
  ///   - position: The position of the layer among all.
  ///   - model: The position of the fine-tuned model.
  package mutating func set(_ layer: LayerCuts, position: Int, model: Int) {
    let slot = position * modelCount + model
    let (rateCount, cutCount) = (layer.unclampedRates.count, layer.cuts.count)
    precondition(max(rateCount, cutCount) <= room, "more cuts than there is room for")
    counts[slot] = (Int32(rateCount), Int32(cutCount))
    for index in 0..<rateCount { rates[slot * room + index] = layer.unclampedRates[index] }
    for index in 0..<cutCount { cuts[slot * room + index] = layer.cuts[index] }
    if !layer.tiesBefore.isEmpty { tiesBefore[slot] = layer.tiesBefore }
  }

  /// The cuts of a layer.
  ///
  /// - Parameters:
  ///   - task: The ordinal of the layer's task.
  ///   - model: The position of the fine-tuned model.
  /// - Returns: The cuts, or nil if the tensor is no linear layer.
  package subscript(task: Int, model: Int) -> LayerCuts? {
    guard let slot = slot(task, model), let count = counts[slot] else { return nil }
    let start = slot * room
    return LayerCuts(
      Array(cuts[start..<start + Int(count.cuts)]),
      unclampedRates: Array(rates[start..<start + Int(count.rates)]),
      tiesBefore: tiesBefore[slot] ?? [])
  }

  /// Hands the rates of a layer, as the rule gives them, and its cuts on where they lie; not those of a tensor that is
  /// no linear layer.
  package func look(at task: Int, _ model: Int, _ body: (Span<Double>, Span<Cut>) -> Void) {
    guard let slot = slot(task, model), let count = counts[slot] else { return }
    let start = slot * room
    body(
      rates.span.extracting(start..<start + Int(count.rates)),
      cuts.span.extracting(start..<start + Int(count.cuts)))
  }

  /// Whether the cuts of a layer are known.
  package func has(_ task: Int, model: Int) -> Bool {
    slot(task, model).map { counts[$0] != nil } ?? false
  }

  /// The cut of a layer's least severe partition; nil if the tensor is no linear layer, or has none.
  package func last(_ task: Int, model: Int) -> Cut? {
    guard let slot = slot(task, model), let count = counts[slot]?.cuts, count > 0 else {
      return nil
    }
    return cuts[slot * room + Int(count) - 1]
  }

  /// The cuts of a strip, most severe partition first.
  package func cuts(of strip: Strip, model: Int) -> [StripCut] {
    guard let slot = slot(strip.task.ordinal, model), let count = counts[slot] else {
      preconditionFailure("the survey found the cuts of every linear layer")
    }
    let ties = tiesBefore.isEmpty ? nil : tiesBefore[slot]?[strip.index]
    return (0..<Int(count.cuts)).map { partition in
      StripCut(cut: cuts[slot * room + partition], tiesBefore: ties?[partition] ?? 0)
    }
  }

  private func slot(_ task: Int, _ model: Int) -> Int? {
    places[task].map { $0 * modelCount + model }
  }
}
