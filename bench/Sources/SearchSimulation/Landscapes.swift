#if canImport(Glibc)
  import Glibc
#endif

/// Random numbers that are the same in every run.
struct RepeatableRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// A number of 64 bits: splitmix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number in a range.
  mutating func uniform(_ low: Double, _ high: Double) -> Double {
    low + (high - low) * Double(next() >> 11) * 0x1p-53
  }

  /// A number with mean 0 and variance 1.
  mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform(0, 1))).squareRoot()
    return radius * cos(2 * Double.pi * uniform(0, 1))
  }
}

/// A landscape with one peak: what a candidate would score if it were evaluated without error.
struct SimulatedLandscape {
  /// The shapes.
  enum Shape: String, CaseIterable {
    /// Quadratic, the partitions apart from each other.
    case dome
    /// Quadratic, the partitions leaning on each other.
    case tilted
    /// A slow rise and a fast fall, as where amplification goes over into damage.
    case cliff
    /// No change around the peak, then a fall.
    case table
  }

  let shape: Shape
  let top: [Double]
  private let steepness: [Double]
  private let tilt: Double

  /// Draws a landscape; its peak lies between 1 and `highest`, and a Domain-Ratio falls by 5 to 50
  /// points within 1 of it.
  init(_ shape: Shape, partitions: Int, highest: Double, _ random: inout RepeatableRandom) {
    self.shape = shape
    top = (0..<partitions).map { _ in random.uniform(1, highest) }
    steepness = (0..<partitions).map { _ in random.uniform(0.05, 0.5) }
    tilt = shape == .tilted ? random.uniform(0.3, 1.2) : 0
  }

  /// The score of factors.
  func score(_ factors: [Double]) -> Double {
    var score = 0.95
    for index in top.indices {
      let offset = factors[index] - top[index]
      switch shape {
      case .dome, .tilted: score -= steepness[index] * offset * offset
      case .cliff: score -= steepness[index] * (offset < 0 ? -offset * 0.6 : offset * 2.5)
      case .table: score -= steepness[index] * max(abs(offset) - 0.15, 0)
      }
    }
    for index in top.indices.dropFirst() {
      let (a, b) = (factors[index - 1] - top[index - 1], factors[index] - top[index])
      score -= tilt * (steepness[index - 1] * steepness[index]).squareRoot() * a * b
    }
    return score
  }

  /// The best score on a grid.
  func best(on grid: FactorGrid) -> Double {
    var places = [[Double]]([[]])
    for _ in top.indices {
      places = places.flatMap { place in (0..<grid.count).map { place + [grid.factor($0)] } }
    }
    return places.map { score($0) }.max() ?? 0
  }
}
