internal import Glibc

/// What the terminal at standard error can show.
struct TerminalStyle: Sendable {
  /// Whether a line can be written over: not on what calls itself dumb, such as editors' shells.
  let rewritesLines: Bool
  /// Whether colours are wanted: not if NO_COLOR is set (no-color.org).
  let hasColors: Bool

  /// The terminal of this process.
  static let standardError = TerminalStyle(
    isTerminal: StandardError.isTerminal, type: variable("TERM"), noColor: variable("NO_COLOR"))

  init(isTerminal: Bool, type: String?, noColor: String?) {
    rewritesLines = isTerminal && type != "dumb" && type != ""
    hasColors = rewritesLines && (noColor ?? "").isEmpty
  }

  /// What a part of a message is.
  enum Role: String {
    case error = "1;31"
    case warning = "1;33"
    case hint = "36"
    case done = "32"
    case label = "1"
  }

  /// The text in the colour of its role, where there are colours.
  func paint(_ text: String, _ role: Role) -> String {
    hasColors && !text.isEmpty ? "\u{1b}[\(role.rawValue)m\(text)\u{1b}[0m" : text
  }

  private static func variable(_ name: String) -> String? {
    // SAFETY: the C library's own text, copied at once.
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }
}
