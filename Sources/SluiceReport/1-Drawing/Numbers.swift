internal import SluiceCore

/// Numbers as the page writes them: those of the terminal, and what only drawings need.
enum Numbers {
  /// A number with a fixed number of decimal places.
  static func fixed(_ value: Double, _ places: Int) -> String { NumberFormat.fixed(value, places) }

  /// A share: `80.02 %`.
  static func percent(_ share: Double, _ places: Int = 2) -> String {
    NumberFormat.percent(share, places)
  }

  /// A share that may be missing.
  static func percent(_ share: Double?) -> String { share.map { percent($0) } ?? "-" }

  /// A whole number with a space between thousands that lines are not broken at.
  static func grouped(_ value: Double) -> String {
    Int(exactly: value.rounded()).map { NumberFormat.grouped($0, separator: "\u{a0}") }
      ?? "\(value)"
  }

  /// A number of bytes, as everywhere in sluice: `38.1 MiB`.
  static func bytes(_ value: Double) -> String {
    guard value >= 0, value < 1e18 else { return "-" }
    return ByteCount(Int(value)).description
  }

  /// A time: `0.42 s`, `38 s`, `5 min 20 s`, `2 h 10 min`.
  static func seconds(_ value: Double) -> String { NumberFormat.seconds(value) }

  /// A factor: `1.1`, however it was rounded.
  static func factor(_ value: Double) -> String {
    var text = fixed(value, 3)
    while text.hasSuffix("0") { text.removeLast() }
    return text.hasSuffix(".") ? String(text.dropLast()) : text
  }

  /// A coordinate.
  static func point(_ value: Double) -> String {
    guard value.isFinite else { return "0" }
    let text = fixed(max(-1e6, min(value, 1e6)), 1)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// Steps of 1, 2 or 5 times a power of ten that cut a range into about `count` parts.
  static func ticks(_ range: ClosedRange<Double>, _ count: Int) -> [Double] {
    let span = range.upperBound - range.lowerBound
    guard span > 0, span.isFinite, range.lowerBound.magnitude / span < 1e9 else {
      return [range.lowerBound]
    }
    var step = 1.0
    let wanted = span / Double(count)
    while step > wanted { step /= 10 }
    while step * 10 <= wanted { step *= 10 }
    for factor in [1.0, 2, 5, 10] where step * factor >= wanted {
      step *= factor
      break
    }
    let first = (range.lowerBound / step - 1e-9).rounded(.up)
    let last = (range.upperBound / step + 1e-9).rounded(.down)
    guard last >= first, last - first < 100 else { return [range.lowerBound] }
    return stride(from: first, through: last, by: 1).map { $0 * step }
  }
}
