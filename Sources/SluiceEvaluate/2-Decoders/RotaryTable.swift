internal import Glibc
internal import SluiceCore

/// Cosines and sines by which positions turn queries and keys.
///
/// Everything is rounded to Float32 where transformers rounds it, so that angles of thousands of turns are
/// the same.
package struct RotaryTable: Sendable {
  /// How frequencies come from a config.
  package struct Rule: Sendable, Hashable {
    /// What is done to frequencies.
    package enum Scaling: Sendable, Hashable {
      /// Nothing.
      case none
      /// All are divided.
      case linear(factor: Double)
      /// Slow ones are divided, fast ones are not, and those between are in part.
      case llama3(factor: Double, low: Double, high: Double, positions: Double)
    }

    /// The base of the frequencies.
    package var base = 10_000.0
    /// What is done to them.
    package var scaling = Scaling.none
    /// How many numbers of a head are turned, the first ones.
    package var width = 0
  }

  /// How many pairs of a head are turned.
  let pairCount: Int
  private let cosines: [Float]
  private let sines: [Float]

  /// Computes a table.
  ///
  /// - Parameters:
  ///   - rule: How frequencies are made.
  ///   - positionCount: For how many positions.
  package init(_ rule: Rule, positionCount: Int) {
    let frequencies = rule.frequencies
    pairCount = frequencies.count
    var cosines: [Float] = []
    var sines: [Float] = []
    cosines.reserveCapacity(positionCount * pairCount)
    sines.reserveCapacity(positionCount * pairCount)
    for position in 0..<positionCount {
      for frequency in frequencies {
        let angle = Float(position) * frequency
        cosines.append(cosf(angle))
        sines.append(sinf(angle))
      }
    }
    self.cosines = cosines
    self.sines = sines
  }

  /// The bytes of a table.
  static func byteCount(_ rule: Rule, positionCount: Int) -> Int {
    positionCount * rule.width / 2 * 8
  }

  /// Turns a head, in place: the number at i goes with that at i + half of the width.
  func turn(_ head: UnsafeMutablePointer<Float>, position: Int) {
    for pair in 0..<pairCount {
      let (cosine, sine) = (
        cosines[position * pairCount + pair], sines[position * pairCount + pair]
      )
      // SAFETY: the caller's head holds both numbers of each pair.
      let (first, second) = unsafe (head[pair], head[pairCount + pair])
      unsafe head[pair] = first * cosine - second * sine
      unsafe head[pairCount + pair] = second * cosine + first * sine
    }
  }
}

extension RotaryTable.Rule {
  /// The frequencies, each of a pair.
  package var frequencies: [Float] {
    stride(from: 0, to: width, by: 2).map { index in
      let plain = 1 / powf(Float(base), Float(index) / Float(width))
      switch scaling {
      case .none: return plain
      case .linear(let factor): return plain / Float(factor)
      case .llama3(let factor, let low, let high, let positions):
        let length = Float(2 * Double.pi) / plain
        if length > Float(positions / low) { return plain / Float(factor) }
        if length < Float(positions / high) { return plain }
        let smooth = (Float(positions) / length - Float(low)) / Float(high - low)
        return (1 - smooth) * plain / Float(factor) + smooth * plain
      }
    }
  }

  /// Reads a rule: newer configs have all of it in `rope_parameters`, older ones in two places.
  init(
    _ values: ConfigValues, headWidth: Int, positionCount: Int?
  ) throws(EvaluationError) {
    func number(_ key: String) -> Double? {
      values.number("rope_parameters.\(key)") ?? values.number("rope_scaling.\(key)")
        ?? values.number(key)
    }
    func needed(_ key: String) throws(EvaluationError) -> Double {
      guard let value = number(key), value > 0 else {
        throw EvaluationError.badInput(
          "the scaling of positions has no \(key)", file: values.file)
      }
      return value
    }
    base = number("rope_theta") ?? 10_000
    width = Int(Double(headWidth) * (number("partial_rotary_factor") ?? 1))
    let kind =
      values.word("rope_parameters.rope_type") ?? values.word("rope_scaling.rope_type")
      ?? values.word("rope_scaling.type") ?? "default"
    switch kind {
    case "default": scaling = .none
    case "linear": scaling = .linear(factor: try needed("factor"))
    case "llama3":
      let positions = number("original_max_position_embeddings") ?? positionCount.map(Double.init)
      let (low, high) = (try needed("low_freq_factor"), try needed("high_freq_factor"))
      guard let positions, high > low else {
        throw EvaluationError.badInput(
          "the scaling of positions has no original_max_position_embeddings, or no order of its bounds",
          file: values.file)
      }
      scaling = .llama3(factor: try needed("factor"), low: low, high: high, positions: positions)
    default:
      throw .unsupported("positions are scaled by \(kind.printable)", file: values.file)
    }
    guard base > 0, width > 0, width <= headWidth, width % 2 == 0 else {
      throw EvaluationError.badInput(
        "\(width) of \(headWidth) numbers of a head are turned, from the base \(base)",
        file: values.file)
    }
  }
}
