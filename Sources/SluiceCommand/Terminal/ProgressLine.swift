internal import SluiceCore
internal import SluiceDataflow

/// The line that shows how far a run is: what matters most stands first, since the end may be cut.
///
/// `merge [2/2]  57 %  6 s left (12 s in all)  ############--------  1.5 GiB/s`
struct ProgressLine {
  private static let (shortestBar, longestBar) = (8, 40)

  let snapshot: ProgressSnapshot

  /// The line, at most so many columns wide.
  func text(columns: Int, _ style: TerminalStyle) -> String {
    let label = snapshot.phase + (snapshot.phaseCount > 1 ? " [\(place)]" : "")
    var parts = [label]
    if let fraction = snapshot.fraction { parts.append("\(Int(fraction * 100)) %") }
    if let left { parts.append(left) }
    let head = parts.joined(separator: "  ")
    guard head.count < columns else { return String(head.prefix(max(0, columns))) }
    let painted = style.paint(label, .label) + head.dropFirst(label.count)
    let rate = rate.map { "  \($0)" } ?? ""
    // The bar takes what is left, and the rate goes before a bar does that is too short to be one.
    for tail in [rate, ""] {
      let room = columns - head.count - tail.count - 2
      guard room >= ProgressLine.shortestBar, let fraction = snapshot.fraction else { continue }
      let width = min(room, ProgressLine.longestBar)
      let done = Int((fraction * Double(width)).rounded(.down))
      let bar = style.paint(String(repeating: "#", count: done), .done)
      return painted + "  " + bar + String(repeating: "-", count: width - done) + tail
    }
    return head.count + rate.count <= columns ? painted + rate : painted
  }

  private var place: String { "\(snapshot.number)/\(snapshot.phaseCount)" }

  private var rate: String? {
    guard snapshot.bytesPerSecond >= 1 else { return nil }
    return "\(ByteCount(Int(snapshot.bytesPerSecond)))/s"
  }

  private var left: String? {
    guard let left = snapshot.secondsLeft else { return nil }
    let text = "\(NumberFormat.roundSeconds(left)) left"
    guard snapshot.laterBytes > 0, let all = snapshot.secondsLeftInAll else { return text }
    return "\(text) (\(NumberFormat.roundSeconds(all)) in all)"
  }
}
