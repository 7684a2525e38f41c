/// The middle value, the mean of the two middle ones for an even number, nil of nothing.
/// - Parameter values: the values, in any order.
/// - Returns: the median.
public func median(_ values: [Double]) -> Double? {
  guard !values.isEmpty else { return nil }
  let sorted = values.sorted()
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// Columns of text, the first to the left and the others to the right.
public struct TextTable: Sendable {
  private var rows: [[String]]

  /// Starts a table.
  /// - Parameter head: the titles of the columns.
  public init(_ head: [String]) {
    rows = [head]
  }

  /// Adds a row.
  /// - Parameter row: as many cells as there are titles.
  public mutating func add(_ row: [String]) {
    precondition(row.count == rows[0].count)
    rows.append(row)
  }

  /// The table as lines.
  public var text: String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + space : space + cell
      }
      return cells.joined(separator: "  ") + "\n"
    }.joined()
  }
}

extension Double {
  /// The number with a fixed number of digits after the point.
  /// - Parameter digits: how many.
  /// - Returns: such as `1.84`.
  public func fixed(_ digits: Int) -> String {
    guard isFinite else { return "-" }
    var factor = 1
    for _ in 0..<digits { factor *= 10 }
    let scaled = Int((magnitude * Double(factor)).rounded())
    let fraction = String(scaled % factor)
    let sign = self < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return sign + String(scaled) }
    return sign + "\(scaled / factor)."
      + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}
