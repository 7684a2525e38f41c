/// How many directions are looked for in each linear layer.
package enum SketchRank: Sendable, Hashable {
  /// As many as are asked for.
  case count(UInt64)
  /// In each layer the fewest that hold so many percent of the squares of its deltas.
  case percent(Double)
  /// No directions: whole Gram matrices.
  case all

  /// The most directions of a layer and model where a share is asked for.
  package static let mostForShare: UInt64 = 128

  /// The most directions of a layer and model, where there are any.
  package var mostDirections: UInt64 {
    switch self {
    case .count(let count): count
    case .percent: SketchRank.mostForShare
    case .all: 1
    }
  }

  /// The share of squares that is asked for; nil for a number.
  package var share: Double? {
    if case .percent(let percent) = self { percent / 100 } else { nil }
  }

  /// Reads `32`, `75%` or `all`; nil if it is none of them, or not above 0 and below 100 %.
  package init?(_ text: String) {
    if text == "all" {
      self = .all
    } else if text.hasSuffix("%") {
      guard let percent = Double(text.dropLast()), percent > 0, percent < 100 else { return nil }
      self = .percent(percent)
    } else {
      guard let count = UInt64(text) else { return nil }
      self = .count(count)
    }
  }

  /// The text that it is read from.
  package var text: String {
    switch self {
    case .count(let count): "\(count)"
    case .all: "all"
    case .percent(let percent):
      percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
    }
  }
}

extension SketchRank: ParameterValue {
  package static func kind(_ range: NumberRange) -> ParameterRow.Kind { .rank }
  package init?(_ value: AnyParameterValue) {
    guard case .rank(let rank) = value else { return nil }
    self = rank
  }
  package var untyped: AnyParameterValue { .rank(self) }
}
