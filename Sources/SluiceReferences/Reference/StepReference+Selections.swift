internal import Foundation
internal import SluiceCore

/// Methods that choose elements of a tensor by what they make of all inputs.
extension StepReference {
  private func sum(_ values: [Float]) -> Float {
    var sum: Float = 0
    for value in values { sum += value }
    return sum
  }

  func sce(_ inputs: [[Float]], _ base: [Float]) -> [Float] {
    var changes = inputs.map { input in zip(input, base).map { r($0 - $1) } }
    let share = shared["select_topk"] ?? 1
    let count = Float(inputs.count)
    if share < 1 {
      let variances = base.indices.map { index in
        let values = changes.map { $0[index] }
        let mean = sum(values) / count
        return r(sum(values.map { ($0 - mean) * ($0 - mean) }) / count)
      }
      let kept = Int(Double(variances.count { $0 != 0 }) * share)
      let ranks = StepReference.descendingRanks(variances)
      changes = changes.map { change in
        change.indices.map { ranks[$0] < kept ? change[$0] : 0 }
      }
    }
    let means = changes.map { change in
      r(Float(Reference.exactSum(change.map { Double(r($0 * $0)) }) / Double(change.count)))
    }
    let whole = r(sum(means))
    let weights = means.map { whole < r(1e-6) ? r(1 / count) : r($0 / whole) }
    return base.indices.map { index in
      let values = changes.map { $0[index] }
      let sign: Float = r(sum(values)) >= 0 ? 1 : -1
      let agree = values.indices.filter { values[$0] * sign > 0 }
      let mix = r(sum(agree.map { r(values[$0] * weights[$0]) }))
      let parts = max(r(sum(agree.map { weights[$0] })), r(1e-6))
      return r(base[index] + r(mix / parts))
    }
  }

  func arceeFusion(_ other: [Float], _ base: [Float]) -> [Float] {
    func shares(_ row: ArraySlice<Float>) -> [Float] {
      let powers = row.map { Float(exp(Double($0))) }
      let whole = Float(Reference.exactSum(powers.map(Double.init)))
      return powers.map { r(r($0 / whole) + 1e-8) }
    }
    var importance: [Float] = []
    for first in stride(from: 0, to: base.count, by: columnCount) {
      let (own, its) = (other[first..<first + columnCount], base[first..<first + columnCount])
      let terms = zip(shares(own), shares(its)).map { p, q in
        Double(r(p * r(Float(log(Double(r(p / q)))))))
      }
      let positive = Reference.exactSum(terms.filter { $0 > 0 })
      let negative = Reference.exactSum(terms.filter { $0 < 0 }.map { -$0 })
      let divergence = r(Float(positive - negative))
      importance += zip(own, its).map { r(r($0 - $1).magnitude * divergence) }
    }
    let sorted = importance.sorted()
    let quartiles = [0.25, 0.5, 0.75].map { sorted[Int($0 * Double(sorted.count - 1))] }
    let threshold = r(quartiles[1] + r(1.5 * r(quartiles[2] - quartiles[0])))
    return base.indices.map { index in
      base[index] + r(other[index] - base[index]) * (importance[index] >= threshold ? 1 : 0)
    }
  }
}
