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
  /// The text with characters that steer the output, but for line ends and tabs, written as `\u001b`,
  /// which means the same in JSON: names in recipes, checkpoints and reports of others must not move a
  /// terminal's cursor, nor turn the direction of the text around them.
  fileprivate var withoutControls: String {
    escaping { $0.steersOutput && $0 != "\n" && $0 != "\t" }
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
