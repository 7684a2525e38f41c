/// Numbers as people read them, on terminals and pages alike.
package enum NumberFormat {
  /// Whole numbers above this are written with an exponent.
  private static let largest = 1e15

  /// A number with a fixed number of decimal places; `-` for what is no number.
  package static func fixed(_ value: Double, _ places: Int) -> String {
    guard value.isFinite else { return "-" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    guard value.magnitude * scale < largest else { return "\(value)" }
    let scaled = (value.magnitude * scale).rounded()
    let (whole, rest) = Int(scaled).quotientAndRemainder(dividingBy: Int(scale))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return "\(sign)\(whole)" }
    return "\(sign)\(whole)." + String(rest).zeroPadded(to: places)
  }

  /// A share: `80.02 %`.
  package static func percent(_ share: Double, _ places: Int = 2) -> String {
    fixed(share * 100, places) + " %"
  }

  /// A time: `0.42 s`, `38 s`, `5 min 20 s`, `2 h 10 min`; `-` for what is none.
  package static func seconds(_ seconds: Double) -> String {
    guard seconds.magnitude < largest else { return "-" }
    if seconds < 10 { return "\((seconds * 100).rounded() / 100) s" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  /// A time that is only guessed: in whole seconds, and at least one.
  package static func roundSeconds(_ seconds: Double) -> String {
    seconds < 10 ? "\(max(1, Int(max(seconds, 0).rounded()))) s" : self.seconds(seconds)
  }

  /// A number with something between thousands.
  package static func grouped(_ number: Int, separator: Character = " ") -> String {
    var text = ""
    for (index, digit) in String(number.magnitude).reversed().enumerated() {
      if index > 0, index % 3 == 0 { text.append(separator) }
      text.append(digit)
    }
    return (number < 0 ? "-" : "") + String(text.reversed())
  }
}
