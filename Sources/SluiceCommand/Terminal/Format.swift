internal import SluiceFormats

/// Tables as people read them.
enum Format {
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
