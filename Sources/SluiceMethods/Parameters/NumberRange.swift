/// Which numbers a key takes.
public enum NumberRange: String, Sendable, Hashable {
  /// 0 ..< 1.
  case rate = "from 0 to below 1"
  /// Above 0, at most 1.
  case density = "above 0 and at most 1"
  /// 0 ... 1.
  case share = "from 0 to 1"
  /// Above 0.
  case positive = "above 0"
  /// At least 0.
  case notNegative = "of at least 0"
  /// Above 0.001.
  case width = "above 0.001"
  /// Whole numbers of at least 0.
  case whole = "that is whole and not negative"
  /// Any finite number.
  case any = "that is finite"

  /// Whether a number lies in the range.
  ///
  /// - Parameter number: The number.
  /// - Returns: Whether the key takes it.
  public func contains(_ number: Double) -> Bool {
    guard number.isFinite, Float(number).isFinite else { return false }
    return switch self {
    case .rate: number >= 0 && number < 1
    case .density: number > 0 && number <= 1
    case .share: number >= 0 && number <= 1
    case .positive: number > 0
    case .notNegative: number >= 0
    case .width: number > 0.001
    case .whole: number >= 0 && number == number.rounded() && number < 0x1p53
    case .any: true
    }
  }
}
