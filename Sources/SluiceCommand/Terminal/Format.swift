internal import SluiceFormats

/// Numbers as people read them.
enum Format {
  /// What numbers from damaged files are cut to.
  private static let (longestTime, largestShare) = (1e15, 1e12)

  /// A time: `0.42 s`, `38 s`, `5 min 20 s`, `2 h 10 min`.
  static func seconds(_ seconds: Double) -> String {
    if seconds < 10 { return "\((seconds * 100).rounded() / 100) s" }
    let whole = Int(min(seconds, longestTime).rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  /// A time that is only guessed: in whole seconds, and at least one.
  static func roundSeconds(_ seconds: Double) -> String {
    seconds < 10 ? "\(max(1, Int(seconds.rounded()))) s" : self.seconds(seconds)
  }

  /// A share: `80.02 %`.
  static func percent(_ share: Double) -> String {
    let hundredths = Int((min(share, largestShare) * 10000).rounded())
    let fraction = hundredths % 100
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) %"
  }

  /// A number with a space between thousands.
  static func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number).reversed().enumerated() {
      if index > 0, index % 3 == 0 { text.append(" ") }
      text.append(digit)
    }
    return String(text.reversed())
  }

  /// Columns with two spaces between them: the first and named ones to the left, others to the right.
  static func table(_ rows: [[String]], leftAligned: Set<Int> = [0]) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return leftAligned.contains(column) ? cell + padding : padding + cell
      }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }
}

/// One JSON object on a line of its own.
enum JSONLine {
  static func text(_ body: (inout JSONWriter) -> Void) -> String {
    let bytes = JSONWriter.bytes { json in
      json.beginObject()
      body(&json)
      json.endObject()
    }
    return String(decoding: bytes, as: UTF8.self) + "\n"
  }

  static func write(to stream: StandardError.Type, _ body: (inout JSONWriter) -> Void) {
    stream.write(text(body))
  }
}
