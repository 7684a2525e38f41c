internal import Glibc

/// What is done to a row of numbers between products.
enum RowFunctions {
  /// Divides a row by its root mean square, and multiplies it by a gain.
  ///
  /// - Parameters:
  ///   - row: The row.
  ///   - gain: As many factors.
  ///   - epsilon: What is added to the mean square.
  ///   - target: Receives the normed row; may be the row.
  static func norm(
    _ row: UnsafePointer<Float>, _ gain: [Float], epsilon: Float,
    into target: UnsafeMutablePointer<Float>
  ) {
    // SAFETY: the caller's rows are as long as the gain, here and below.
    var sums = (0.0, 0.0, 0.0, 0.0)
    let count = gain.count
    var index = 0
    while index + 4 <= count {
      let a = unsafe Double(row[index])
      let b = unsafe Double(row[index + 1])
      let c = unsafe Double(row[index + 2])
      let d = unsafe Double(row[index + 3])
      sums = (sums.0 + a * a, sums.1 + b * b, sums.2 + c * c, sums.3 + d * d)
      index += 4
    }
    while index < count {
      sums.0 += unsafe Double(row[index]) * Double(row[index])
      index += 1
    }
    let mean = (sums.0 + sums.1 + sums.2 + sums.3) / Double(count)
    let factor = Float(1 / (mean + Double(epsilon)).squareRoot())
    unsafe gain.withUnsafeBufferPointer { gain in
      for index in 0..<count {
        unsafe target[index] = row[index] * factor * gain[index]
      }
    }
  }

  /// Adds a row to another.
  static func add(
    _ row: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int
  ) {
    for index in 0..<count { unsafe target[index] += row[index] }
  }

  /// Replaces gates by what they let through of ups.
  static func gate(
    _ gates: UnsafeMutablePointer<Float>, _ ups: UnsafePointer<Float>, count: Int,
    _ activation: DecoderShape.Activation
  ) {
    switch activation {
    case .silu:
      for index in 0..<count {
        let gate = unsafe gates[index]
        unsafe gates[index] = gate / (1 + expf(-gate)) * ups[index]
      }
    case .geluTanh:
      let factor = Float((2 / Double.pi).squareRoot())
      for index in 0..<count {
        let gate = unsafe gates[index]
        let bent = tanhf(factor * (gate + 0.044715 * gate * gate * gate))
        unsafe gates[index] = 0.5 * gate * (1 + bent) * ups[index]
      }
    }
  }

  /// Bends numbers by tanh so that none exceeds a bound.
  static func bend(_ values: UnsafeMutablePointer<Float>, count: Int, bound: Float) {
    for index in 0..<count {
      unsafe values[index] = bound * tanhf(values[index] / bound)
    }
  }

  /// Replaces the scores of a row by shares that add up to 1.
  static func softmax(_ scores: UnsafeMutablePointer<Float>, count: Int) {
    var largest = -Float.infinity
    for index in 0..<count { largest = unsafe max(largest, scores[index]) }
    var sum = 0.0
    for index in 0..<count {
      let share = unsafe expf(scores[index] - largest)
      unsafe scores[index] = share
      sum += Double(share)
    }
    let factor = Float(1 / sum)
    for index in 0..<count { unsafe scores[index] *= factor }
  }
}
