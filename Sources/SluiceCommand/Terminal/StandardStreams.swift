internal import Glibc
internal import SluiceCore

/// Standard output: results.
enum StandardOutput {
  static func write(_ text: String) { writeAll(text.withoutControls, to: STDOUT_FILENO) }
}

/// Standard error: progress, warnings and errors.
enum StandardError {
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// The width of the terminal in characters, 80 where it does not say.
  static var columns: Int {
    var size = winsize()
    // SAFETY: the record is a local variable.
    let result = unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size)
    return result == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  static func write(_ text: String) { writeAll(text.withoutControls, to: STDERR_FILENO) }

  /// Writes one line, whatever line ends are in the text.
  static func writeLine(_ text: String) { write(text.printable(limit: .max) + "\n") }

  /// Writes a message with its kind before it, in the colour of the kind.
  static func writeLine(_ kind: String, _ role: TerminalStyle.Role, _ text: String) {
    let head = TerminalStyle.standardError.paint("\(kind):", role)
    writeAll("\(head) \(text.printable(limit: .max))\n", to: STDERR_FILENO)
  }

  /// Writes a text in place of the line that the cursor is in; its parts are ours, controls included.
  static func rewriteLine(_ text: String) {
    // What a narrower window wrapped before is wiped, too.
    writeAll("\r\u{1b}[J" + text, to: STDERR_FILENO)
  }
}

extension String {
  /// The text with control characters other than line ends and tabs written as `\u001b`, which
  /// means the same in JSON: names in recipes and checkpoints must not move a terminal's cursor.
  fileprivate var withoutControls: String {
    escaping { scalar in
      scalar.value < 0x20 ? scalar != "\n" && scalar != "\t" : 0x7f...0x9f ~= scalar.value
    }
  }
}

private func writeAll(_ text: String, to descriptor: Int32) {
  var text = text
  text.withUTF8 { bytes in
    var done = 0
    while done < bytes.count {
      // SAFETY: the rest of the text, which outlives the call.
      let count = unsafe write(
        descriptor, bytes.baseAddress.map { unsafe $0 + done }, bytes.count - done)
      if count < 0, errno == EINTR { continue }
      // Nobody reads any more; there is no better place to say so.
      guard count > 0 else { return }
      done += count
    }
  }
}
