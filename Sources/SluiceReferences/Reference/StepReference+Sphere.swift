internal import Foundation
internal import SluiceCore

/// Methods that look at lengths and angles. Sums over elements are exact and rounded once.
extension StepReference {
  private func sum(_ values: [Double]) -> Float {
    let positive = Reference.exactSum(values.filter { $0 > 0 })
    let negative = Reference.exactSum(values.filter { $0 < 0 }.map { -$0 })
    return Float(positive - negative)
  }

  private func length(_ values: [Float]) -> Float {
    Float(Reference.exactSum(values.map { Double($0) * Double($0) }).squareRoot())
  }

  private func clamped(_ value: Float) -> Float { min(max(value, -1), 1) }
  private func sine(_ value: Float) -> Float { Float(sin(Double(value))) }
  private func cosine(_ value: Float) -> Float { Float(cos(Double(value))) }
  private func angle(_ value: Float) -> Float { Float(acos(Double(value))) }

  func slerp(_ base: [Float], _ other: [Float]) -> [Float] {
    func divisor(_ values: [Float]) -> Double {
      let length = length(values)
      return length > 1e-8 ? Double(length) : 1
    }
    let (a, b) = (divisor(base), divisor(other))
    let c = clamped(sum(zip(base, other).map { Double($0) * Double($1) / (a * b) }))
    let t = shared["t"] ?? 0
    var (first, second) = (Float(1 - t), Float(t))
    if c.magnitude <= 0.9995 {
      let whole = angle(c)
      first = sine(Float(1 - t) * whole) / sine(whole)
      second = sine(Float(t) * whole) / sine(whole)
    }
    return zip(base, other).map { r(first * $0 + second * $1) }
  }

  func nuslerp(_ inputs: [[Float]], _ base: [Float]?) -> [Float] {
    let weights = numbers("weight", 2, 1)
    let whole = weights[0] + weights[1]
    let t = whole.magnitude < 1e-6 ? 0.5 : weights[1] / whole
    let changes = inputs.map { input in
      base.map { base in zip(input, base).map { r($0 - $1) } } ?? input
    }
    var out = Array(repeating: Float(0), count: changes[0].count)
    for group in groups(out.count) {
      let (first, second) = (group.map { changes[0][$0] }, group.map { changes[1][$0] })
      let (a, b) = (max(r(length(first)), r(1e-7)), max(r(length(second)), r(1e-7)))
      let c = clamped(r(sum(zip(first, second).map { Double(r(r($0 / a) * r($1 / b))) })))
      for (place, index) in group.enumerated() {
        if r(1 - r(c * c)) > 1e-16 {
          let whole = r(angle(c))
          let own = r(first[place] * r(sine(r(whole * Float(1 - t)))))
          let other = r(second[place] * r(sine(r(whole * Float(t)))))
          out[index] = r(r(own + other) / r(sine(whole)))
        } else {
          out[index] = r(r(first[place] * Float(1 - t)) + r(second[place] * Float(t)))
        }
        if let base { out[index] = r(base[index] + out[index]) }
      }
    }
    return out
  }

  /// The elements that are looked at as one: all, or those of each row, or of each column.
  private func groups(_ count: Int) -> [[Int]] {
    guard shared["nuslerp_flatten"] == 0 || holds("filter_wise") else { return [Array(0..<count)] }
    let rows = count / columnCount
    if holds("nuslerp_row_wise"), !isVector {
      return (0..<columnCount).map { column in (0..<rows).map { $0 * columnCount + column } }
    }
    return (0..<rows).map { Array($0 * columnCount..<($0 + 1) * columnCount) }
  }

  func modelStock(_ inputs: [[Float]], _ base: [Float]) -> [Float] {
    var out = base
    for group in groups(base.count) {
      let changes = inputs.map { input in group.map { r(input[$0] - base[$0]) } }
      let lengths = changes.map { r(length($0)) }
      let pairs = inputs.indices.flatMap { i in (i + 1..<inputs.count).map { (i, $0) } }
      var whole: Float = 0
      for (i, j) in pairs {
        let product = r(sum(zip(changes[i], changes[j]).map { Double(r($0 * $1)) }))
        whole += clamped(r(product / max(r(lengths[i] * lengths[j]), r(1e-6))))
      }
      let c = r(whole / Float(pairs.count))
      let count = Float(inputs.count)
      let divisor = r(1 + r((count - 1) * c))
      let t = divisor.magnitude < r(1e-6) ? 0 : r(r(count * c) / divisor)
      for index in group {
        var mean = inputs[0][index]
        for input in inputs.dropFirst() { mean = r(mean + input[index]) }
        mean = r(mean / count)
        out[index] = r(r(t * mean) + r(r(1 - t) * base[index]))
      }
    }
    return out
  }

  func multislerp(_ inputs: [[Float]], _ base: [Float]?) -> [Float] {
    if inputs.count == 1 { return inputs[0] }
    let eps = Float(shared["eps"] ?? 1e-8)
    var weights = numbers("weight", inputs.count, 1).map { r(Float($0)) }
    if shared["normalize_weights"] != 0 {
      var whole: Float = 0
      for weight in weights { whole += weight }
      weights = weights.map { r($0 / r(whole)) }
    }
    let changes = inputs.map { input in
      base.map { base in zip(input, base).map { r($0 - $1) } } ?? input
    }
    let lengths = changes.map { r(length($0)) }
    let units = zip(changes, lengths).map { change, length in change.map { r($0 / r(length + eps)) }
    }
    func added(_ rows: [[Float]]) -> [Float] {
      rows[0].indices.map { index in
        var sum: Float = 0
        for row in rows { sum += row[index] }
        return r(sum)
      }
    }
    var mean = added(zip(units, weights).map { unit, weight in unit.map { r($0 * weight) } })
    let size = r(length(mean))
    mean = mean.map { r($0 / size) }
    let tangents = zip(units, weights).map { unit, weight in
      let along = r(sum(zip(unit, mean).map { Double($0) * Double($1) }))
      return zip(unit, mean).map { r(r($0 - r($1 * along)) * weight) }
    }
    let tangent = added(tangents)
    let q = r(r(length(tangent)) + eps)
    var scale: Float = 0
    for (length, weight) in zip(lengths, weights) { scale += r(length * weight) }
    return mean.indices.map { index in
      let turned = r(
        r(mean[index] * r(cosine(q))) + r(tangent[index] * r(r(sine(q)) / q)))
      let value = r(turned * r(scale))
      return base.map { r(value + $0[index]) } ?? value
    }
  }

  func karcher(_ inputs: [[Float]]) -> [Float] {
    if inputs.count == 1 { return inputs[0] }
    let tolerance = Float(shared["tol"] ?? 1e-5)
    let share = Float(1 / Double(inputs.count))
    let lengths = inputs.map(length)
    let units = zip(inputs, lengths).filter { $1 > tolerance }.map { input, length in
      input.map { r($0 / length) }
    }
    var point = Array(repeating: Float(0), count: inputs[0].count)
    for unit in units { point = zip(point, unit).map { r($0 + r($1 * share)) } }
    let size = length(point)
    point = point.map { r($0 / size) }
    for _ in 0..<Int(shared["max_iter"] ?? 10) {
      var tangent = Array(repeating: Float(0), count: point.count)
      for unit in units {
        let c = clamped(r(sum(zip(point, unit).map { Double($0) * Double($1) })))
        let th = r(angle(c))
        guard th >= tolerance else { continue }
        let factor = r(share * r(th / r(sine(th))))
        tangent = tangent.indices.map { index in
          r(tangent[index] + r(r(unit[index] - r(point[index] * c)) * factor))
        }
      }
      let size = length(tangent)
      guard size >= tolerance else { break }
      point = zip(point, tangent).map {
        r(r($0 * r(cosine(size))) + r(r($1 / size) * r(sine(size))))
      }
      let whole = length(point)
      point = point.map { r($0 / whole) }
    }
    var scale: Float = 0
    for length in lengths { scale += length * share }
    return point.map { r($0 * r(scale)) }
  }

  func ramPlus(_ inputs: [[Float]], _ base: [Float]) -> [Float] {
    let least = r(Float(shared["epsilon"] ?? 1e-5))
    let changes = inputs.map { input in zip(input, base).map { r($0 - $1) } }
    let active = changes.map { $0.map { $0.magnitude > least } }
    let numbers = base.indices.map { index in active.count { $0[index] } }
    let factors = active.map { active in
      let shared = active.indices.count { active[$0] && numbers[$0] > 1 }
      let unique = active.indices.count { active[$0] && numbers[$0] == 1 }
      let ratio = Double(shared) / max(Double(unique), self.shared["epsilon"] ?? 1e-5)
      return Float(
        1 + (self.shared["r"] ?? 0.1) * min(max(ratio, 0), self.shared["alpha"] ?? 0.2))
    }
    return base.indices.map { index in
      var sum: Float = 0
      for model in inputs.indices where active[model][index] {
        let change = changes[model][index]
        sum +=
          numbers[index] == 1 ? change * factors[model] : r(change / Float(numbers[index]))
      }
      return base[index] + sum
    }
  }
}
