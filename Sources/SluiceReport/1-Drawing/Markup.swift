internal import SluiceCore

/// Text of a page that is HTML and well-formed XML at once; what is put into it as text cannot become
/// markup.
struct Markup {
  private(set) var text = ""

  /// Writes an element and what is in it.
  mutating func element(
    _ tag: String, _ attributes: KeyValuePairs<String, String> = [:],
    _ content: (inout Markup) throws -> Void
  ) rethrows {
    begin(tag, attributes)
    text += ">"
    try content(&self)
    text += "</\(tag)>"
  }

  /// Writes an element with a text.
  mutating func element(
    _ tag: String, _ attributes: KeyValuePairs<String, String> = [:], text content: String
  ) {
    element(tag, attributes) { $0.put(content) }
  }

  /// Writes an element without content, such as `meta` and shapes of SVG.
  mutating func empty(_ tag: String, _ attributes: KeyValuePairs<String, String> = [:]) {
    begin(tag, attributes)
    text += "/>"
  }

  /// Writes text.
  mutating func put(_ content: String) { text += Markup.escaped(content) }

  /// Ends a line, so that the source of the page can be read.
  mutating func newLine() { text += "\n" }

  /// Writes the page's own style sheet, which has no character that would need to be escaped.
  mutating func style(_ sheet: String) {
    precondition(!sheet.contains { "<&".contains($0) })
    text += "<style>\(sheet)</style>"
  }

  private mutating func begin(_ tag: String, _ attributes: KeyValuePairs<String, String>) {
    text += "<\(tag)"
    for (name, value) in attributes { text += " \(name)=\"\(Markup.escaped(value))\"" }
  }

  /// A text without characters that mean something in markup, are not allowed in XML, or change the
  /// direction of what follows.
  static func escaped(_ content: String) -> String {
    var result = ""
    result.reserveCapacity(content.utf8.count)
    for scalar in content.printable.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
