/// How far fine-tuning moved the weights.
public enum DeltaSize: String, CaseIterable, Hashable, Sendable {
  /// A mean |delta| of 1.5e-4 to 3e-4, as a supervised fine-tune leaves it.
  case light
  /// Ten times that.
  case heavy

  var factor: Double { self == .light ? 1 : 10 }
}

/// The values of one tensor in one model of a family.
///
/// Base weights are Gaussian with deviation 0.02 (norms: 1 with deviation 0.05). A fine-tuned weight is the
/// base weight as stored, plus a draw from the tensor's own heavy-tailed distribution, rounded. Tails grow
/// with depth and differ from tensor to tensor and model to model, so that significances differ.
struct WeightSource: Sendable {
  private let type: ElementType
  private let center: Float
  private let baseWords: CounterRandom
  private let baseTable: QuantileTable
  private let delta: (words: CounterRandom, table: QuantileTable)?

  /// Makes the values of a tensor.
  /// - Parameters:
  ///   - tensor: which one.
  ///   - type: the type the values are rounded to.
  ///   - model: 0 for the base model, 1 and up for the fine-tuned ones.
  ///   - size: how far the fine-tuned models are from the base model.
  ///   - seed: the seed of the family.
  init(_ tensor: ModelTensor, _ type: ElementType, model: Int, size: DeltaSize, seed: UInt64) {
    self.type = type
    // E|z| = sqrt(2 / pi) for a Gaussian of deviation 1.
    let meanOfUnit = (2 / Double.pi).squareRoot()
    let deviation = tensor.role == .norm ? 0.05 : 0.02
    center = tensor.role == .norm ? 1 : 0
    baseWords = CounterRandom(seed: seed, stream: "base:" + tensor.name)
    baseTable = QuantileTable(meanMagnitude: deviation * meanOfUnit, tail: 0)
    if model == 0 {
      delta = nil
    } else {
      let stream = "delta:\(model):" + tensor.name
      let parameters = CounterRandom(seed: seed, stream: "parameters:" + stream)
      let depth = if case .linear(let depth) = tensor.role { depth } else { 0.0 }
      let tail = 0.02 + 0.1 * depth + 0.08 * parameters.fraction(0)
      let mean = (1.5e-4 + 1.5e-4 * parameters.fraction(1)) * size.factor
      delta = (
        CounterRandom(seed: seed, stream: stream), QuantileTable(meanMagnitude: mean, tail: tail)
      )
    }
  }

  /// Elements that are computed at a time; the block stays in the first-level cache.
  private static let block = 2048

  /// Writes a run of the tensor's elements.
  /// - Parameters:
  ///   - first: the first element, an even number: two elements share a random word.
  ///   - count: how many.
  ///   - bytes: room for them.
  func fill(first: Int, count: Int, into bytes: UnsafeMutableRawBufferPointer) {
    precondition(first % 2 == 0 && bytes.count >= count * type.byteCount)
    guard let start = bytes.baseAddress else { return }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: WeightSource.block) { room in
      var done = 0
      while done < count {
        let size = min(WeightSource.block, count - done)
        let values = UnsafeMutableBufferPointer(rebasing: room[..<size])
        values.initialize(repeating: center)
        add(baseWords, baseTable, UInt64(first + done) / 2, to: values)
        if let delta {
          type.round(values)
          add(delta.words, delta.table, UInt64(first + done) / 2, to: values)
        }
        type.store(values, to: start + done * type.byteCount)
        done += size
      }
    }
  }

  @inline(__always)
  private func add(
    _ words: CounterRandom, _ table: QuantileTable, _ firstWord: UInt64,
    to values: UnsafeMutableBufferPointer<Float>
  ) {
    let pairs = values.count / 2
    for pair in 0..<pairs {
      let word = words.word(firstWord &+ UInt64(pair))
      values[2 * pair] += table.draw(UInt32(truncatingIfNeeded: word))
      values[2 * pair + 1] += table.draw(UInt32(truncatingIfNeeded: word >> 32))
    }
    if values.count % 2 == 1 {
      let word = words.word(firstWord &+ UInt64(pairs))
      values[2 * pairs] += table.draw(UInt32(truncatingIfNeeded: word))
    }
  }
}
