internal import SluiceCore

/// Task arithmetic and its kin.
extension StepReference {
  func taskVectors(
    _ method: String, _ inputs: [[Float]], _ base: [Float], _ name: String
  ) -> [Float] {
    let elects = ["ties", "dare_ties", "breadcrumbs_ties", "della"].contains(method)
    let weights = numbers("weight", inputs.count, 1).map { r(Float($0)) }
    let densities = numbers("density", inputs.count, 1)
    var deltas: [[Float]] = []
    for (model, input) in inputs.enumerated() {
      let delta = zip(input, base).map { r($0 - $1) }
      let sparse = sparsify(delta, method, density: densities[model], model: model, name)
      deltas.append(sparse.map { r($0 * weights[model]) })
    }
    return base.indices.map { index in
      let values = deltas.map { $0[index] }
      var (mix, share) = elects ? elected(values, weights) : (sum(values), sum(weights))
      if elects {
        if share == 0 { share = 1 }
      } else if share.magnitude < 1e-8 {
        share = 1
      }
      if holds("normalize") { mix = r(mix / share) }
      let lambda = Float(shared["lambda"] ?? 1)
      if lambda != 1 { mix = r(mix * lambda) }
      return r(base[index] + mix)
    }
  }

  private func sum(_ values: [Float]) -> Float {
    var sum: Float = 0
    for value in values { sum += value }
    return r(sum)
  }

  private func elected(_ values: [Float], _ weights: [Float]) -> (mix: Float, share: Float) {
    let sign: Float = sum(values) >= 0 ? 1 : -1
    let agree = values.indices.filter { values[$0] * sign > 0 }
    return (sum(agree.map { values[$0] }), sum(agree.map { weights[$0] }))
  }

  private func sparsify(
    _ delta: [Float], _ method: String, density: Double, model: Int, _ name: String
  ) -> [Float] {
    guard density < 1, method != "task_arithmetic" else { return delta }
    let count = delta.count
    var kept: [Float]
    switch method {
    case "ties":
      let number = density <= 0 ? 0 : max(1, Int(density * Double(count)))
      let ranks = StepReference.descendingRanks(delta)
      kept = delta.indices.map { ranks[$0] < number ? delta[$0] : 0 }
    case "breadcrumbs", "breadcrumbs_ties":
      let gamma = numbers("gamma", model + 1, 0.01)[model]
      let number = Int(density * Double(count))
      let low = max(0, count - number - Int(gamma * Double(count)))
      // From the smallest on: positions low ..< low + number.
      let ranks = StepReference.descendingRanks(delta).map { count - 1 - $0 }
      kept = delta.indices.map { (low..<low + number).contains(ranks[$0]) ? delta[$0] : 0 }
    case "della", "della_linear":
      kept = byRank(delta, density: density, model: model, name)
    default:
      let probability =
        dtype == .bf16 ? Double(r(Float(density))) : Double(Float(density))
      let limit = ((1 - probability) * 16_777_216).rounded()
      kept = delta.indices.map { index in
        let draw = Reference.dareDraw(
          seed: UInt64(shared["seed"] ?? 0), model: model, tensor: name, index: index)
        return Double(draw) >= limit ? delta[index] : 0
      }
    }
    guard holds("rescale") else { return kept }
    return rescaled(
      kept, to: delta, isDrawn: !["ties", "breadcrumbs", "breadcrumbs_ties"].contains(method))
  }

  /// DELLA: chances that grow with the rank of a magnitude in its row.
  private func byRank(_ delta: [Float], density: Double, model: Int, _ name: String) -> [Float] {
    guard density > 0 else { return delta.map { _ in 0 } }
    let epsilon = numbers("epsilon", model + 1, 0.15)[model]
    func rounded(_ value: Float) -> Float { dtype == .f16 ? value : r(value) }
    var kept = delta
    for first in stride(from: 0, to: delta.count, by: columnCount) {
      let row = Array(delta[first..<first + columnCount])
      let order = row.indices.sorted { (row[$0].magnitude, $0) < (row[$1].magnitude, $1) }
      for (rank, column) in order.enumerated() {
        let place = rounded(
          rounded(rounded(Float(rank + 1)) - 1) / rounded(rounded(Float(columnCount)) - 1))
        let chance =
          columnCount == 1
          ? rounded(Float(density))
          : rounded(rounded(place * Float(2 * epsilon)) + Float(density - epsilon))
        let draw = Reference.dareDraw(
          seed: UInt64(shared["seed"] ?? 0), model: model, tensor: name, index: first + column)
        let limit = ((1 - Double(min(max(chance, 0), 1))) * 16_777_216).rounded()
        if Double(draw) < limit { kept[first + column] = 0 }
      }
    }
    return kept
  }

  private func rescaled(_ kept: [Float], to delta: [Float], isDrawn: Bool) -> [Float] {
    // The tensors here are too small for sums that F16 does not hold.
    func rounded(_ value: Float) -> Float { dtype == .f16 && isDrawn ? value : r(value) }
    let whole = rounded(Float(Reference.exactSum(delta.map { Double($0.magnitude) })))
    let left = rounded(Float(Reference.exactSum(kept.map { Double($0.magnitude) })))
    guard whole >= 1e-7, left >= 1e-7 else { return kept }
    let factor = rounded(whole / left)
    return kept.map { r($0 * factor) }
  }

  /// The position of each element among all by magnitude, the largest first; equals in the order of their
  /// reversed running numbers.
  static func descendingRanks(_ values: [Float]) -> [Int] {
    var seen: [Float: UInt32] = [:]
    let keys = values.map { value -> (Float, UInt32) in
      let before = seen[value.magnitude, default: 0]
      seen[value.magnitude] = before + 1
      return (value.magnitude, Reference.bitrev32(before))
    }
    let order = values.indices.sorted {
      keys[$0].0 > keys[$1].0 || (keys[$0].0 == keys[$1].0 && keys[$0].1 < keys[$1].1)
    }
    var ranks = Array(repeating: 0, count: values.count)
    for (rank, index) in order.enumerated() { ranks[index] = rank }
    return ranks
  }
}
